"""The EnvoyFilters in the real Envoy, applied to a bootstrap such as Istio writes (support/istio_proxy.py)."""

import http.client
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from support.http_answer import answered
from support.istio_proxy import apply, contexts, istio_bootstrap
from support.otlp_grpc_sink import Log, Sink, otlp_grpc_sink
from support.upstream import Upstream, upstream
from weftline.agent import semconv
from weftline.deploy.envoy.proxy import Role
from weftline.deploy.istio.command import DEFAULTS
from weftline.deploy.istio.resources import files
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port

pytestmark = pytest.mark.envoy

CLUSTER = f"outbound|{DEFAULTS.collector.port}||{DEFAULTS.collector.host}"
RESOURCES = {name: documents for name, (_, documents) in files(DEFAULTS).items()}
FILTERS: Mapping[str, tuple[dict[str, Any], Role, dict[str, Any]]] = {
    # Name of the EnvoyFilter / patch context -> resource, role, the Telemetry for those proxies.
    f"{one['metadata']['name']}/{context}": (one, role, telemetry)
    for one, role, telemetry in [
        (RESOURCES["gateways"][0], Role.EDGE, RESOURCES["telemetry"][1]),
        (RESOURCES["gateways"][1], Role.GATEWAY, RESOURCES["telemetry"][0]),
        (RESOURCES["sidecars"][0], Role.SIDECAR_INBOUND, RESOURCES["telemetry"][0]),
        (RESOURCES["sidecars"][0], Role.SIDECAR_OUTBOUND, RESOURCES["telemetry"][0]),
        (RESOURCES["waypoints"][0], Role.GATEWAY, RESOURCES["waypoints"][1]),
    ]
    for context in contexts(one)
    if context in (role.name, "GATEWAY", "WAYPOINT")
}
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@dataclass(frozen=True, slots=True)
class Patched:
    name: str
    role: Role
    port: int
    sink: Sink
    behind: Upstream

    def ask(self, path: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], Log, list[Log]]:
        """Status, headers of the response, the request's log, its attempts' logs."""
        seen = len(self.sink.logs), len(self.sink.attempts)
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        connection.request("GET", path, headers=dict(headers))
        status, answer = answered(connection)
        self.sink.settle(lambda sink: len(sink.logs) > seen[0])
        [log], attempts = self.sink.logs[seen[0] :], self.sink.attempts[seen[1] :]
        return status, answer, log, attempts


@pytest.fixture(scope="module", params=FILTERS)
def patched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patched]:
    envoy_filter, role, telemetry = FILTERS[request.param]
    with ExitStack() as stack:
        sink, behind = stack.enter_context(otlp_grpc_sink()), stack.enter_context(upstream())
        port = free_port()
        bootstrap = istio_bootstrap(
            port=port,
            admin=free_port(),
            upstream=behind.port,
            collector=sink.port,
            collector_cluster=CLUSTER,
            mesh_config=RESOURCES["mesh-config"][0],
            telemetry=telemetry,
            gateway=request.param.endswith("/GATEWAY"),
        )
        whole = apply(envoy_filter, request.param.split("/")[1], bootstrap)
        stack.enter_context(Envoy("istio", tmp_path_factory.mktemp("istio"), whole))
        yield Patched(request.param, role, port, sink, behind)


def test_there_is_one_filter_for_each_kind_of_listener() -> None:
    assert sorted(FILTERS) == [
        "weftline-edge/GATEWAY",
        "weftline-gateways/GATEWAY",
        "weftline-sidecars/SIDECAR_INBOUND",
        "weftline-sidecars/SIDECAR_OUTBOUND",
        "weftline-waypoints/WAYPOINT",
    ]


@pytest.mark.parametrize("flags", ["01", "00"])
def test_a_valid_traceparent_is_followed_except_from_an_untrusted_edge_s_client(patched: Patched, flags: str) -> None:
    status, answer, log, [attempt] = patched.ask("/app", {"traceparent": f"00-{TRACE}-{SPAN}-{flags}"})
    sent = patched.behind.requests[-1]
    trace_id, span_id, went = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])", sent["traceparent"]).groups()
    assert status == 200
    assert answer["x-transaction-id"] == sent["x-transaction-id"] == log.attributes["transaction_id"] == trace_id
    assert attempt.attributes["transaction_id"] == trace_id == log.trace_id
    assert attempt.attributes["upstream_traceparent"] == sent["traceparent"]
    assert span_id != log.span_id, "an attempt has a span id of its own"
    if patched.role is Role.EDGE:
        assert trace_id != TRACE
        assert log.attributes["parent_traceparent"] == "-"
        assert answer["x-request-id"] == sent["x-request-id"]
    else:
        assert (trace_id, went) == (TRACE, flags)
        assert log.attributes["parent_traceparent"] == f"00-{TRACE}-{SPAN}-{flags}"


@pytest.mark.parametrize("traceparent", ["", "x", f"00-{TRACE.upper()}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01"])
def test_a_malformed_traceparent_does_not_switch_tracing_off(patched: Patched, traceparent: str) -> None:
    _, answer, log, _ = patched.ask("/app", {"traceparent": traceparent, "tracestate": "vendor=1"})
    sent = patched.behind.requests[-1]
    assert sent["traceparent"].split("-")[1] == answer["x-transaction-id"] == log.attributes["transaction_id"]
    assert answer["x-transaction-id"] != TRACE
    assert sent.get("tracestate", "") == ""


def test_the_x_request_id_is_not_rewritten_but_an_outsider_s_is_replaced(patched: Patched) -> None:
    mine = "11111111-1111-4111-8111-111111111111"
    patched.ask("/app", {"x-request-id": mine, "traceparent": f"00-{TRACE}-{SPAN}-01"})
    assert (patched.behind.requests[-1]["x-request-id"] == mine) is (patched.role is not Role.EDGE)


@pytest.mark.parametrize(("path", "status"), [("/no-route", 404), ("/refused", 403)])
def test_what_the_proxy_answers_itself_has_the_id_too(patched: Patched, path: str, status: int) -> None:
    got, answer, log, attempts = patched.ask(path, {})
    assert (got, attempts) == (status, [])
    assert answer["x-transaction-id"] == log.attributes["transaction_id"] == log.trace_id


def test_every_attempt_of_a_retry_is_logged(patched: Patched) -> None:
    status, answer, log, attempts = patched.ask("/busy-once", {})
    assert (status, log.attributes["upstream_request_attempt_count"]) == (200, "2")
    assert [one.attributes["response_code"] for one in attempts] == ["503", "200"]
    assert {one.attributes["transaction_id"] for one in attempts} == {answer["x-transaction-id"]}
    sent = [request["traceparent"] for request in patched.behind.requests[-2:]]
    assert [one.attributes["upstream_traceparent"] for one in attempts] == sent
    assert len(set(sent)) == 2


def test_logs_and_spans_say_the_role_and_the_service(patched: Patched) -> None:
    seen = len(patched.sink.spans)
    _, _, log, [attempt] = patched.ask("/app", {"traceparent": f"00-{TRACE}-{SPAN}-01"})
    assert log.attributes[semconv.PROXY_ROLE] == patched.role
    assert attempt.resource[semconv.PROXY_ROLE] == patched.role
    for record in (log, attempt):
        assert "service.name" not in record.resource
        assert record.resource["cluster_name"] == "cart"
        assert record.resource["node_name"].startswith("sidecar~")
    if patched.role is not Role.EDGE:  # there 5 of 100 are sampled
        patched.sink.settle(lambda sink: len(sink.spans) >= seen + 2)
        spans = patched.sink.spans[seen:]
        assert [span.attributes[semconv.PROXY_ROLE] for span in spans] == [patched.role] * 2
        assert {span.kind for span in spans} == {"server", "client"}
