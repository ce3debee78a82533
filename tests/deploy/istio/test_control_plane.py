"""The files of deploy/istio in Istio's own control plane, and what it makes of them in the real Envoy, over xDS.

Istio's code and no cluster: services are ServiceEntries, proxies say who they are in their node's metadata, nothing
is redirected to them. Envoy is not Istio's build, so filters that only that one has are turned off.
"""

import http.client
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from support.http_answer import answered
from support.istio_mesh import WITHOUT_TLS, collector_service, gateway, service, sidecar, xds_bootstrap
from support.istio_programs import ControlPlane
from support.otlp_grpc_sink import Log, Sink, otlp_grpc_sink
from support.roles import eventually
from support.upstream import Upstream, upstream
from weftline.agent import semconv
from weftline.deploy.envoy.proxy import Role
from weftline.deploy.istio.command import DEFAULTS
from weftline.deploy.istio.resources import files
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port, listens
from weftline.deploy.local.process import ProcessDied

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(1200)]  # for Go's build, the first time

RESOURCES = {name: documents for name, (_, documents) in files(DEFAULTS).items()}
MESH = RESOURCES["mesh-config"][0]["meshConfig"] | {
    "rootNamespace": "istio-system",  # as every installation has it
    "defaultProviders": {"metrics": []},
}
ROLES = [Role.EDGE, Role.GATEWAY, Role.SIDECAR_INBOUND, Role.SIDECAR_OUTBOUND]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("name", [name for name in RESOURCES if name != "mesh-config"])
def test_istio_admits_the_ready_file(name: str, tmp_path: Path) -> None:
    with ControlPlane(tmp_path, MESH, RESOURCES[name]):
        pass


@pytest.mark.parametrize(
    ("change", "refused"),
    [({"configPatches": [{"applyTo": "NOWHERE"}]}, "NOWHERE"), ({"patches": []}, "patches")],
    ids=["value", "field"],
)
def test_istio_refuses_what_it_does_not_know(change: dict[str, Any], refused: str, tmp_path: Path) -> None:
    wrong = {**RESOURCES["sidecars"][0], "spec": change}
    with pytest.raises(ProcessDied, match=refused), ControlPlane(tmp_path, MESH, [wrong]):
        pass


@dataclass(frozen=True, slots=True)
class Mesh:
    ports: Mapping[Role, int]
    host: str
    sink: Sink
    behind: Upstream

    def ask(self, role: Role, path: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str]]:
        connection = http.client.HTTPConnection(HOST, self.ports[role], timeout=10)
        connection.request("GET", path, headers={"host": self.host, **headers})
        return answered(connection)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    folder = tmp_path_factory.mktemp("istio")
    with ExitStack() as stack:
        sink, behind = stack.enter_context(otlp_grpc_sink()), stack.enter_context(upstream())
        ports = {role: free_port() for role in ROLES}
        host, outbound = "cart.shop.svc.cluster.local", ports[Role.SIDECAR_OUTBOUND]
        edge, egress = {"istio": "ingressgateway"}, {"istio": "egressgateway"}
        collector = replace(
            DEFAULTS.collector, port=free_port()
        )  # a proxy that gets no redirected traffic listens on it
        resources = {name: them for name, (_, them) in files(replace(DEFAULTS, collector=collector)).items()}
        of_test = [
            WITHOUT_TLS,
            collector_service(collector, sink.port),
            service("cart", "shop", host, outbound, behind.port),
            sidecar("cart", "shop", inbound=ports[Role.SIDECAR_INBOUND], outbound=outbound, application=behind.port),
            *gateway("edge", "istio-ingress", edge, ports[Role.EDGE], host, outbound),
            *gateway("egress", "istio-system", egress, ports[Role.GATEWAY], host, outbound),
        ]
        ours = [one for name in ("telemetry", "sidecars", "gateways") for one in resources[name]]
        in_mesh = MESH | resources["mesh-config"][0]["meshConfig"]
        plane = stack.enter_context(ControlPlane(folder, in_mesh, [*ours, *of_test]))
        for kind, name, namespace, labels in [
            ("sidecar", "cart", "shop", {"app": "cart"}),
            ("router", "edge", "istio-ingress", edge),
            ("router", "egress", "istio-system", egress),
        ]:
            bootstrap = xds_bootstrap(kind, name, namespace, labels, plane.port)
            stack.enter_context(Envoy(name, folder / name, bootstrap))
        eventually(lambda: all(map(listens, ports.values())))
        yield Mesh(ports, f"{host}:{outbound}", sink, behind)


def of(path: str, records: Sequence[Log]) -> list[Log]:
    """Those of the request for ``path``."""
    return [one for one in records if one.attributes["path"] == path]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "traceparent",
    [None, f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00", "", "x", f"00-{TRACE.upper()}-{SPAN}-01"],
    ids=["absent", "sampled", "not sampled", "empty", "a word", "upper case"],
)
def test_response_logs_and_upstream_agree(mesh: Mesh, role: Role, traceparent: str | None) -> None:
    mine = "11111111-1111-4111-8111-111111111111"
    path = f"/app?{secrets.token_hex(8)}"  # other tests' records may come late
    headers = {"x-request-id": mine} | ({} if traceparent is None else {"traceparent": traceparent})
    status, answer = mesh.ask(role, path, headers)
    sent = mesh.behind.requests[-1]
    mesh.sink.settle(lambda sink: bool(of(path, sink.logs) and of(path, sink.attempts)))
    [log], [attempt] = of(path, mesh.sink.logs), of(path, mesh.sink.attempts)

    match = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])", sent["traceparent"])
    assert match
    trace_id, _, flags = match.groups()
    assert status == 200
    assert answer["x-transaction-id"] == sent["x-transaction-id"] == trace_id
    for one in (log, attempt):
        assert one.attributes["transaction_id"] == trace_id
        assert one.attributes["upstream_traceparent"] == sent["traceparent"]
    assert log.trace_id == trace_id
    followed = role is not Role.EDGE and TRACE in (traceparent or "")
    assert (trace_id == TRACE) is followed
    if followed:
        assert flags == (traceparent or "")[-2:]
    assert (sent["x-request-id"] == mine) is (role is not Role.EDGE)
    assert log.attributes[semconv.PROXY_ROLE] == attempt.resource[semconv.PROXY_ROLE] == role
    assert log.attributes["parent_traceparent"] == (traceparent if followed else "-")


@pytest.mark.parametrize("role", [Role.EDGE, Role.GATEWAY])
def test_what_a_gateway_answers_itself_has_the_id_too(mesh: Mesh, role: Role) -> None:
    path = f"/nowhere?{secrets.token_hex(8)}"
    status, answer = mesh.ask(role, path, {})
    mesh.sink.settle(lambda sink: bool(of(path, sink.logs)))
    [log] = of(path, mesh.sink.logs)
    assert (status, log.attributes["response_flags"]) == (404, "NR")
    assert answer["x-transaction-id"] == log.attributes["transaction_id"] == log.trace_id


@pytest.mark.parametrize("role", [role for role in ROLES if role is not Role.EDGE])
def test_spans_say_the_role(mesh: Mesh, role: Role) -> None:
    trace_id = f"{len(mesh.sink.spans) + 1:032x}"
    mesh.ask(role, "/app", {"traceparent": f"00-{trace_id}-{SPAN}-01"})
    mesh.sink.settle(lambda sink: len([one for one in sink.spans if one.trace_id == trace_id]) == 2)
    of_request, of_attempt = sorted(
        (one for one in mesh.sink.spans if one.trace_id == trace_id), key=lambda one: one.parent_span_id != SPAN
    )
    assert of_request.attributes[semconv.PROXY_ROLE] == role
    assert of_attempt.parent_span_id == of_request.span_id
