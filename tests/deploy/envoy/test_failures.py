"""Every way in which a request can go wrong in a proxy: the response names the transaction, and so does every log.

One real Envoy with a listener per role; behind our filters stand the ones that fail requests. A table: a row is a kind.
"""

import http.client
import re
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from support.http_answer import answered
from support.otlp_grpc_sink import Log, Sink, otlp_grpc_sink
from support.upstream import Upstream, upstream
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.extension import TYPE, typed
from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Retry, Role, Route
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port

pytestmark = pytest.mark.envoy


@dataclass(frozen=True, slots=True)
class Failure:
    """``flags`` and ``details`` (how it begins) as the request's log must have them, ``attempts`` as flags of each.

    ``arrived``: how many of the attempts the upstream must have seen. ``status`` 0: the client leaves.
    """

    path: str
    status: int
    flags: str
    details: str
    attempts: tuple[str, ...] = ()
    arrived: int = 0

    def __str__(self) -> str:
        return self.path.strip("/")


FAILURES = [
    Failure("/no-route", 404, "NR", "route_not_found"),
    Failure("/unknown-cluster", 503, "NC", "cluster_not_found"),
    Failure("/direct", 403, "-", "direct_response"),
    Failure("/redirect", 301, "-", "direct_response"),
    Failure("/rate-limited", 429, "RL", "local_rate_limited"),
    Failure("/denied", 403, "-", "rbac_access_denied_matched_policy"),
    Failure("/aborted", 418, "FI", "fault_filter_abort"),
    Failure("/delayed", 200, "DI", "via_upstream", ("-",), 1),
    Failure("/empty", 503, "UH", "no_healthy_upstream"),
    Failure("/down", 503, "UF", "upstream_reset_before_response_started{remote_connection_failure", ("UF",)),
    Failure("/down-retried", 503, "URX,UF", "upstream_reset_before_response_started{remote_connection_failure", ("UF",) * 3),
    Failure("/overflow", 503, "UO", "upstream_reset_before_response_started{overflow}", ("UO",)),
    Failure("/slow", 504, "UT", "response_timeout", ("-",), 1),
    Failure("/slow-tries", 504, "URX,UT", "upstream_per_try_timeout", ("UT", "UT"), 2),
    Failure("/slow-idle", 504, "SI", "stream_idle_timeout", ("-",), 1),
    Failure("/slow-left", 0, "DC", "downstream_remote_disconnect", ("-",), 1),
    Failure("/busy", 503, "URX", "via_upstream", ("-", "-", "-"), 3),
    Failure("/busy-once", 200, "-", "via_upstream", ("-", "-"), 2),
    Failure("/closes", 503, "UC", "upstream_reset_before_response_started{connection_termination}", ("UC",), 1),
    Failure("/rubbish", 502, "UPE", "upstream_reset_before_response_started{protocol_error", ("UPE",), 1),
]  # fmt: skip
ROLES = [Role.EDGE, Role.GATEWAY, Role.SIDECAR_OUTBOUND, Role.SIDECAR_INBOUND]


def failing_filters() -> list[dict[str, Any]]:
    """As they stand in a mesh: behind ours, before the router. What they do is said per route."""
    return [
        typed("envoy.filters.http.fault", "extensions.filters.http.fault.v3.HTTPFault"),
        typed("envoy.filters.http.rbac", "extensions.filters.http.rbac.v3.RBAC"),
        typed(
            "envoy.filters.http.local_ratelimit",
            "extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            stat_prefix="limit",
        ),
    ]


ALWAYS = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
PER_FILTER: Mapping[str, dict[str, Any]] = {
    "/aborted": {
        "envoy.filters.http.fault": {
            "@type": TYPE + "extensions.filters.http.fault.v3.HTTPFault",
            "abort": {"http_status": 418, "percentage": ALWAYS["default_value"]},
        }
    },
    "/delayed": {
        "envoy.filters.http.fault": {
            "@type": TYPE + "extensions.filters.http.fault.v3.HTTPFault",
            "delay": {"fixed_delay": "0.01s", "percentage": ALWAYS["default_value"]},
        }
    },
    "/denied": {
        "envoy.filters.http.rbac": {
            "@type": TYPE + "extensions.filters.http.rbac.v3.RBACPerRoute",
            "rbac": {
                "rules": {
                    "action": "DENY",
                    "policies": {"nobody": {"permissions": [{"any": True}], "principals": [{"any": True}]}},
                }
            },
        }
    },
    "/rate-limited": {
        "envoy.filters.http.local_ratelimit": {
            "@type": TYPE + "extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "limit",
            "token_bucket": {"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "3600s"},
            "filter_enabled": ALWAYS,
            "filter_enforced": ALWAYS,
        }
    },
}
ANSWERS: Mapping[str, dict[str, Any]] = {
    "/direct": {"direct_response": {"status": 403, "body": {"inline_string": "no"}}},
    "/redirect": {"redirect": {"path_redirect": "/elsewhere"}},
}
CHANGED: Mapping[str, dict[str, Any]] = {
    "/slow-tries": {"retry_policy": {"retry_on": "5xx", "num_retries": 1, "per_try_timeout": "0.1s"}},
    "/slow-idle": {"timeout": "0s", "idle_timeout": "0.1s"},
}
RETRIED = Retry(attempts=2, on="5xx", headers=())
ROUTES = tuple(
    Route(path, path, cluster, timeout=timeout, retry=retry)
    for path, cluster, timeout, retry in [
        ("/unknown-cluster", "nobody-knows", 15, None),
        ("/direct", "app", 15, None),
        ("/redirect", "app", 15, None),
        ("/rate-limited", "app", 15, None),
        ("/denied", "app", 15, None),
        ("/aborted", "app", 15, None),
        ("/delayed", "app", 15, None),
        ("/empty", "empty", 15, None),
        ("/down-retried", "down", 15, RETRIED),
        ("/down", "down", 15, None),
        ("/overflow", "full", 15, None),
        ("/slow-tries", "app", 15, None),
        ("/slow-idle", "app", 15, None),
        ("/slow-left", "app", 15, None),
        ("/slow", "app", 0.1, None),
        ("/busy", "app", 15, RETRIED),
        ("/closes", "app", 15, None),
        ("/rubbish", "app", 15, None),
    ]
)


def failing(proxy: Proxy) -> dict[str, Any]:
    """Our bootstrap with what makes requests fail."""
    whole = bootstrap(proxy)
    for listener in whole["static_resources"]["listeners"]:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["http_filters"][-1:-1] = failing_filters()
        manager["route_config"]["validate_clusters"] = False
        for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
            path = route["match"]["prefix"]
            route["typed_per_filter_config"] = PER_FILTER.get(path, {})
            route["route"] |= CHANGED.get(path, {})
            if path in ANSWERS:
                del route["route"]
                route.update(ANSWERS[path])
    for cluster in whole["static_resources"]["clusters"]:
        if cluster["name"] == "full":
            cluster["circuit_breakers"] = {"thresholds": [{"max_pending_requests": 0, "max_requests": 0}]}
    return whole


@dataclass(frozen=True, slots=True)
class Mesh:
    ports: Mapping[Role, int]
    sink: Sink
    behind: Upstream

    def ask(self, role: Role, path: str, headers: Mapping[str, str], *, leave: bool) -> tuple[int, Mapping[str, str]]:
        connection = http.client.HTTPConnection(HOST, self.ports[role], timeout=10)
        seen = len(self.behind.requests)
        connection.request("GET", path, headers=dict(headers))
        if leave:
            while len(self.behind.requests) == seen:
                time.sleep(0.005)
            connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()
            return 0, {}
        return answered(connection)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with ExitStack() as stack:
        sink, behind = stack.enter_context(otlp_grpc_sink()), stack.enter_context(upstream())
        ports = {role: free_port() for role in ROLES}
        app = (Address(HOST, behind.port),)
        proxy = Proxy(
            service="s",
            node_id="n",
            admin=Address(HOST, free_port()),
            collector=Collector(Address(HOST, sink.port), protocol="grpc"),
            listeners=tuple(Listener(role, Address(HOST, ports[role]), ROUTES) for role in ROLES),
            clusters=(
                Cluster("app", app, connection_per_request=True),
                Cluster("full", app),
                Cluster("empty", ()),
                Cluster("down", (Address(HOST, free_port()),)),
            ),
        )
        stack.enter_context(Envoy("failing", tmp_path_factory.mktemp("envoy"), failing(proxy)))
        for role in ROLES:  # the one token that the limiter has
            mesh = Mesh(ports, sink, behind)
            mesh.ask(role, "/rate-limited", {}, leave=False)
        yield mesh


@pytest.mark.parametrize("sampled", ["01", "00", None], ids=["sampled", "not sampled", "no traceparent"])
@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_every_failure_is_found_by_the_id_of_its_response(mesh: Mesh, failure: Failure, sampled: str | None) -> None:
    trace_id, marks = secrets.token_hex(16), {role: secrets.token_hex(8) for role in ROLES}
    answers: dict[Role, Mapping[str, str]] = {}
    for role, mark in marks.items():
        headers = {"user-agent": mark}
        if sampled:
            headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-{sampled}"
        status, answers[role] = mesh.ask(role, failure.path, headers, leave=failure.status == 0)
        assert status == failure.status

    def of(logs: list[Log], *roles: Role) -> list[Log]:
        return [log for log in logs if log.attributes["user_agent"] in {marks[role] for role in roles}]

    with mesh.sink.changed:
        mesh.sink.changed.wait_for(
            lambda: (
                len(of(mesh.sink.logs, *ROLES)) >= len(ROLES)
                and len(of(mesh.sink.attempts, *ROLES)) >= len(ROLES) * len(failure.attempts)
            ),
            10,
        )
    for role in ROLES:
        [log], attempts = of(mesh.sink.logs, role), of(mesh.sink.attempts, role)
        requests = [request for request in mesh.behind.requests if request.get("user-agent") == marks[role]]
        transaction = log.attributes["transaction_id"]
        check(failure, log, attempts, requests)
        if sampled:
            assert transaction == trace_id, role
        if failure.status:
            assert answers[role]["x-transaction-id"] == transaction, role
        if role is not Role.SIDECAR_INBOUND:
            numbers = sorted(attempt.attributes["upstream_request_attempt_count"] for attempt in attempts)
            assert numbers == [str(number) for number in range(1, len(attempts) + 1)], role


def check(failure: Failure, log: Log, attempts: list[Log], requests: list[Mapping[str, str]]) -> None:
    """One proxy's logs of one request against the table and against what its upstream saw."""
    said = log.attributes
    assert said["response_flags"] == failure.flags
    assert not failure.status or said["response_code"] == str(failure.status)
    assert said["response_code_details"].startswith(failure.details)
    transaction = said["transaction_id"]
    assert re.fullmatch("[0-9a-f]{32}", transaction)
    assert log.trace_id == transaction
    assert int(log.span_id, 16) != 0

    assert sorted(it.attributes["response_flags"] for it in attempts) == sorted(failure.attempts)
    assert {it.attributes["transaction_id"] for it in attempts} <= {transaction}
    assert {it.attributes["request_id"] for it in attempts} <= {said["request_id"]}
    sent = {it.attributes["upstream_traceparent"] for it in attempts}
    assert len(sent) == len(attempts), "each attempt has a span id of its own"
    assert len(requests) == failure.arrived
    assert {request["traceparent"] for request in requests} <= sent
    for request in requests:
        assert request["traceparent"].split("-")[1] == request["x-transaction-id"] == transaction


@pytest.mark.parametrize("role", ROLES)
def test_what_isn_t_http_has_no_ids_but_its_connection(mesh: Mesh, role: Role) -> None:
    """Nothing was decoded: no filter ran and no tracer. What is left is the connection and the addresses."""
    with socket.create_connection((HOST, mesh.ports[role]), timeout=10) as client:
        address = f"{HOST}:{client.getsockname()[1]}"
        client.sendall(b"this is no request\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 400")

    def found() -> list[Log]:
        return [
            log for log in mesh.sink.logs
            if log.attributes["downstream_remote_address"] == address and log.attributes["response_flags"] == "DPE"
        ]  # fmt: skip

    with mesh.sink.changed:
        mesh.sink.changed.wait_for(found, 10)
    [log] = found()
    assert (log.attributes["transaction_id"], log.attributes["path"], log.trace_id.strip("0")) == ("-", "-", "")
    assert int(log.attributes["connection_id"]) > 0
