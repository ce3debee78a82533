"""The demo's real Envoys, each kind of failure made to happen at some hop: the verdict names that hop, and why.

From a look-up by x-transaction-id and by x-request-id alike, in the API and in the first line of `weftline tx`. Only
access logs are stored: no span and no log line helps.
"""

import io
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console

from support.asgi import call
from support.rows import RowsSearcher
from support.server import serve
from support.shop_mesh import ShopMesh, shop_mesh
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.migrate import migrate
from weftline.deploy.envoy.extension import TYPE, typed
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.ports import HOST
from weftline.query.app import create_app
from weftline.query.cli.tx import show
from weftline.query.settings import QuerySettings

pytestmark = [pytest.mark.envoy, pytest.mark.clickhouse]

Json = dict[str, Any]
ALWAYS = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}


@dataclass(frozen=True, slots=True)
class Failure:
    """What is sent, and what must be said: the hop, the kind of event there, the first line, whether the client lost."""

    path: str
    status: int
    service: str
    role: str
    kind: str | None
    line: str
    failed: bool = True

    def __str__(self) -> str:
        return self.path.rpartition("=")[2]


OUT, IN = "sidecar-outbound", "sidecar-inbound"
FAILURES = [
    Failure("/nowhere", 404, "edge", "edge", "no_route", "edge proxy: no route for this host and path"),
    Failure("/checkout?fails=limit", 429, "edge", "edge", "rate_limit", "edge proxy: rate limited by this proxy"),
    Failure("/checkout?fails=deny", 403, "payment", IN, "authorization_denial",
            "payment's inbound proxy: denied by an RBAC policy"),
    Failure("/checkout?fails=abort", 418, "payment", IN, "fault_injection",
            "payment's inbound proxy: error injected by fault filter"),
    Failure("/checkout?fails=overflow", 503, "cart", OUT, "circuit_breaking",
            "cart's outbound proxy: circuit breaker open (too many requests or connections to full)"),
    Failure("/checkout?fails=empty", 503, "cart", OUT, "no_healthy_upstream", "cart's outbound proxy: no healthy host of empty"),
    Failure("/checkout?fails=unknown", 503, "cart", OUT, "no_route", "cart's outbound proxy: route names an unknown cluster"),
    Failure("/checkout?fails=closes", 503, "cart", OUT, "upstream_reset",
            "cart's outbound proxy: rude closed the connection before answering"),
    Failure("/checkout?fails=rubbish", 502, "cart", OUT, "protocol_error", "cart's outbound proxy: rude broke the HTTP protocol"),
    Failure("/checkout?fails=exhaust&case=declined", 500, "payment", IN, None,
            "payment itself answered with 500; cart's outbound proxy: retries used up, asked payment 3 times"),
    Failure("/checkout?case=booked", 503, "payment", OUT, "upstream_connect_failure",
            "payment's outbound proxy: could not connect to ledger (Connection refused)"),
    Failure("/checkout?case=slow", 504, "cart", OUT, "timeout",
            "cart's outbound proxy: payment was too slow: request timed out; payment's inbound proxy was still waiting"),
    Failure("/checkout?case=slow&fails=idle", 504, "cart", OUT, "timeout",
            "cart's outbound proxy: stream idle too long while waiting for payment; payment's inbound proxy was still waiting"),
    Failure("/checkout?fails=delay", 200, "payment", IN, "fault_injection", "payment's inbound proxy: delay injected by fault filter", failed=False),
    Failure("/checkout?fails=direct", 503, "cart", OUT, None, "cart's outbound proxy: answered with 503 (direct_response)"),
    Failure("/checkout?case=declined", 500, "payment", IN, None, "payment itself answered with 500"),
    Failure("/checkout?case=slow&leave=yes", 0, "edge", "edge", "client_abort",
            "edge proxy: client left before the response; cart's inbound proxy was still waiting"),
    Failure("/checkout?case=busy", 200, "cart", OUT, "retry",
            "cart's outbound proxy: asked payment 2 times; payment itself answered with 503", failed=False),
]  # fmt: skip


@contextmanager
def rude() -> Iterator[int]:
    """Hangs up on whoever asks for /closes, and answers everything else with what is no HTTP."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if b"fails=closes" not in self.request.recv(65536):
                self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n")

    with socketserver.ThreadingTCPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(10)


def failing(rude_port: int, name: str, config: Json) -> None:
    """Routes that fail, put before the demo's own; a query parameter chooses them."""
    resources = config["static_resources"]

    def route(listener: int, fails: str, action: Json, per_filter: Json | None = None) -> None:
        [chain] = resources["listeners"][listener]["filter_chains"]
        manager = chain["filters"][0]["typed_config"]
        manager["route_config"]["validate_clusters"] = False
        [host] = manager["route_config"]["virtual_hosts"]
        match = {"prefix": "/checkout", "query_parameters": [{"name": "fails", "string_match": {"exact": fails}}]}
        kind = "direct_response" if "status" in action else "route"
        host["routes"].insert(
            0, {"name": fails, "match": match, kind: action, "typed_per_filter_config": per_filter or {}}
        )

    def filters(listener: int, *them: Json) -> None:
        [chain] = resources["listeners"][listener]["filter_chains"]
        chain["filters"][0]["typed_config"]["http_filters"][-1:-1] = them

    def cluster(name: str, *ports: int, **more: Any) -> None:
        endpoints = [
            {"endpoint": {"address": {"socket_address": {"address": HOST, "port_value": port}}}} for port in ports
        ]
        assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}
        resources["clusters"].append(
            {"name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment, **more}
        )

    match name:
        case "edge":
            limit = "extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
            filters(0, typed("envoy.filters.http.local_ratelimit", limit, stat_prefix="limit"))
            bucket = {"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "3600s"}
            one = {"stat_prefix": "limit", "token_bucket": bucket, "filter_enabled": ALWAYS, "filter_enforced": ALWAYS}
            route(
                0, "limit", {"cluster": "cart"}, {"envoy.filters.http.local_ratelimit": {"@type": TYPE + limit, **one}}
            )
        case "cart":
            cluster(
                "full", rude_port, circuit_breakers={"thresholds": [{"max_requests": 0, "max_pending_requests": 0}]}
            )
            cluster("empty")
            cluster("rude", rude_port)
            for fails, to in (("overflow", "full"), ("empty", "empty"), ("unknown", "nobody"), ("closes", "rude"), ("rubbish", "rude")):  # fmt: skip
                route(1, fails, {"cluster": to})
            route(1, "idle", {"cluster": "payment", "idle_timeout": "0.3s"})
            route(1, "direct", {"status": 503, "body": {"inline_string": "closed for today"}})
            route(1, "exhaust", {"cluster": "payment", "retry_policy": {"retry_on": "5xx", "num_retries": 2}})
        case "payment":
            fault, rbac = "extensions.filters.http.fault.v3.HTTPFault", "extensions.filters.http.rbac.v3.RBAC"
            filters(0, typed("envoy.filters.http.fault", fault), typed("envoy.filters.http.rbac", rbac))
            abort = {"http_status": 418, "percentage": ALWAYS["default_value"]}
            route(
                0,
                "abort",
                {"cluster": "payment-app"},
                {"envoy.filters.http.fault": {"@type": TYPE + fault, "abort": abort}},
            )
            delay = {"fixed_delay": "0.1s", "percentage": ALWAYS["default_value"]}
            delayed = {"envoy.filters.http.fault": {"@type": TYPE + fault, "delay": delay}}
            route(0, "delay", {"cluster": "payment-app"}, delayed)
            nobody = {"permissions": [{"any": True}], "principals": [{"any": True}]}
            rules = {"rules": {"action": "DENY", "policies": {"nobody": nobody}}}
            route(0, "deny", {"cluster": "payment-app"}, {"envoy.filters.http.rbac": {"@type": TYPE + rbac + "PerRoute", "rbac": rules}})  # fmt: skip


@dataclass(frozen=True, slots=True)
class LookedUp:
    url: str
    app: Any
    ids: dict[str, str]
    """path → transaction ID"""


@pytest.fixture(scope="module")
def looked_up(clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedUp]:
    """Every failure made to happen once, stored, and a query service over it."""
    settings = ClickHouseSettings(
        http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port, database="test_demo_failures"
    )
    migrate(settings)
    writer, reader = ClickHouseWriter(settings), ClickHouseReader(settings)
    ids: dict[str, str] = {}
    with ExitStack() as stack:
        port = stack.enter_context(rude())
        folder = tmp_path_factory.mktemp("mesh")
        mesh: ShopMesh = stack.enter_context(shop_mesh(folder, lambda name, config: failing(port, name, config)))
        mesh.send("/checkout?fails=limit")  # the one token that the limiter has
        for failure in FAILURES:
            if failure.status:
                status, ids[failure.path] = mesh.send(failure.path)
                assert status == failure.status, failure
            else:
                ids[failure.path] = mesh.sent_by(failure.path)
        mesh.send("/checkout?case=slow")  # whoever still waits has given up by then
        mesh.store(writer)
        app = create_app(reader, RowsSearcher(), QuerySettings())
        yield LookedUp(stack.enter_context(serve(app)), app, ids)
    reader.close()
    writer.close()


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_the_hop_that_failed_is_named_and_why(looked_up: LookedUp, failure: Failure) -> None:
    transaction_id = looked_up.ids[failure.path]
    by_transaction = call(looked_up.app, f"/api/v1/transactions/{transaction_id}").json()
    verdict = by_transaction["summary"]["verdict"]
    assert (verdict["service"], verdict["proxy_role"], verdict["kind"]) == (failure.service, failure.role, failure.kind)
    assert verdict["text"] == failure.line
    assert verdict["failed"] is failure.failed
    entry = by_transaction["entries"][verdict["entry"]]
    assert (entry["service"], entry["proxy_role"]) == (failure.service, failure.role)

    [request_id] = {entry["request_id"] for entry in by_transaction["entries"]}
    by_request = call(looked_up.app, f"/api/v1/transactions/{request_id}").json()
    assert by_request["matched_alias"] == request_id
    assert by_request["summary"] == by_transaction["summary"]


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_it_is_the_first_line_in_the_terminal(looked_up: LookedUp, failure: Failure) -> None:
    transaction_id = looked_up.ids[failure.path]
    [entry, *_] = call(looked_up.app, f"/api/v1/transactions/{transaction_id}").json()["entries"]
    for any_id in (transaction_id, entry["request_id"]):
        console = Console(file=io.StringIO(), width=200)
        show(any_id, looked_up.url, console)
        assert isinstance(console.file, io.StringIO)
        assert console.file.getvalue().splitlines()[0] == failure.line


@pytest.mark.parametrize("failure", [it for it in FAILURES if it.kind], ids=str)
def test_its_event_began_there(looked_up: LookedUp, failure: Failure) -> None:
    events = call(looked_up.app, f"/api/v1/events?kind={failure.kind}&limit=1000").json()["events"]
    mine = [it for it in events if it["transaction_id"] == looked_up.ids[failure.path]]
    reported = {(it["service"], it["proxy_role"]): it["began"] for it in mine}
    if failure.kind == "retry":
        assert reported[failure.service, failure.role]["proxy"] == "payment's inbound proxy", "whom it asked again"
    else:
        assert [hop for hop, began in reported.items() if began is None] == [(failure.service, failure.role)]


def test_a_caller_that_left_because_the_proxy_before_gave_up_follows_from_it(looked_up: LookedUp) -> None:
    events = call(looked_up.app, "/api/v1/events?kind=client_abort&service=payment").json()["events"]
    [slow] = [it for it in events if it["transaction_id"] == looked_up.ids["/checkout?case=slow"]]
    assert slow["began"]["proxy"] == "cart's outbound proxy"


def test_every_kind_that_a_log_can_tell_was_made_to_happen(looked_up: LookedUp) -> None:
    counts = call(looked_up.app, "/api/v1/events/counts").json()["counts"]
    assert {it["kind"] for it in counts} == {
        "authorization_denial", "circuit_breaking", "client_abort", "fault_injection", "no_healthy_upstream", "no_route",
        "protocol_error", "rate_limit", "retry", "retry_exhaustion", "timeout", "upstream_connect_failure", "upstream_reset",
    }  # fmt: skip
