"""The example answers in the API's description: produced by the service itself, out of rows by hand.

`PYTHONPATH=tests python tests/support/examples.py` writes them into `query/routes/examples.json`; a test holds them together.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from support.access import tokens
from support.asgi import call
from support.rows import START, RowsReader, RowsSearcher, access, durations, events_of, hit, log, span
from support.rows import TRANSACTION as ID
from weftline.collector.access.gate import OPEN
from weftline.collector.errors import TryLater
from weftline.collector.store.mesh import OpenRequest, OutboundCall, PassedCount, StatSum
from weftline.collector.store.red import Dependency, ProxiedCalls, RedPoint
from weftline.collector.store.searcher import Facet
from weftline.query.app import create_app
from weftline.query.routes.following import MOST, Followers
from weftline.query.routes.jaeger_v1 import MOST_BYTES
from weftline.query.settings import QuerySettings

FILE: Final = Path(__file__).parents[2] / "query/routes/examples.json"
OTHER: Final = "0af7651916cd43dd8448eb211c80319c"
SECOND: Final = 10**9
REQUESTS: Final = {
    "/api/v1/transactions/{any_id}": {
        "application/json": f"/api/v1/transactions/{ID}",
        "application/x-ndjson": f"/api/v1/transactions/{ID}?format=ndjson",
        "text/plain": f"/api/v1/transactions/{ID}?format=text",
    },
    "/api/v1/transactions/{any_id}/logs": {
        "application/json": f"/api/v1/transactions/{ID}/logs?limit=1",
        "text/event-stream": f"/api/v1/transactions/{ID}/logs?kind=log&follow=true",
    },
    "/api/v1/compare": {"application/json": f"/api/v1/compare?a={OTHER}&b={ID}"},
    "/api/v1/search": {"application/json": "/api/v1/search?q=service%3Dpayment&facets=true&limit=1"},
    "/api/v1/search/follow": {"text/event-stream": "/api/v1/search/follow?q=service%3Dpayment"},
    "/api/v1/search/fields": {"application/json": "/api/v1/search/fields"},
    "/api/v1/operations": {"application/json": "/api/v1/operations?service=payment"},
    "/api/v1/services": {"application/json": "/api/v1/services"},
    "/api/v1/events": {"application/json": "/api/v1/events"},
    "/api/v1/events/counts": {"application/json": "/api/v1/events/counts"},
    "/api/v1/mesh": {"application/json": "/api/v1/mesh"},
    "/api/v1/propagation": {"application/json": "/api/v1/propagation"},
    "/api/v1/metrics": {"application/json": "/api/v1/metrics?service=payment&step=5m"},
    "/api/v1/dependencies": {"application/json": "/api/v1/dependencies"},
    "/health": {"application/json": "/health"},
}
"""What each example answers, by path and media type."""
V3_SEARCH: Final = "?query.startTimeMin=2026-11-22T06:00:00Z&query.startTimeMax=2026-11-22T07:00:00Z"
JAEGER: Final = {
    "/api/services": "/api/services",
    "/api/services/{service}/operations": "/api/services/payment/operations",
    "/api/operations": "/api/operations?service=payment",
    "/api/traces": "/api/traces?service=payment",
    "/api/traces/{trace_id}": f"/api/traces/{ID}",
    "/api/archive/{trace_id}": f"/api/archive/{ID}",
    "/api/transform": "/api/transform",
    "/api/dependencies": "/api/dependencies",
    "/api/metrics/{family}": "/api/metrics/calls?service=payment",
    "/analytics/v1/dependencies": "/analytics/v1/dependencies?service=payment",
    "/api/v3/services": "/api/v3/services",
    "/api/v3/operations": "/api/v3/operations?service=payment",
    "/api/v3/traces/{trace_id}": f"/api/v3/traces/{ID}",
    "/api/v3/traces": f"/api/v3/traces{V3_SEARCH}",
    "/api/v3/trace-summaries": f"/api/v3/trace-summaries{V3_SEARCH}",
}
"""What can be answered; only errors of it are shown."""
REFUSED: Final = {
    "/api/v1/transactions/{any_id}": {
        "400": f"/api/v1/transactions/{ID[:-1]}",
        "404": f"/api/v1/transactions/{'a' * 32}",
    },
    "/api/v1/transactions/{any_id}/logs": {
        "400": f"/api/v1/transactions/{ID}/logs?since=yesterday",
        "404": "/api/v1/transactions/order-4711/logs",
    },
    "/api/v1/compare": {
        "400": f"/api/v1/compare?a={ID[:-1]}&b={OTHER}",
        "404": f"/api/v1/compare?a={ID}&b=order-4711",
    },
    "/api/v1/search": {"400": "/api/v1/search?q=service%3Dcart%20duraton%3E5ms"},
    "/api/v1/search/follow": {"400": "/api/v1/search/follow?q=status%3D", "503": "/api/v1/search/follow"},
    "/api/v1/operations": {"400": "/api/v1/operations"},
    "/api/v1/events": {"400": "/api/v1/events?limit=0"},
    "/api/v1/events/counts": {"400": "/api/v1/events/counts?interval=1s&since=1d"},
    "/api/v1/mesh": {"400": "/api/v1/mesh?since=30d"},
    "/api/v1/propagation": {"400": "/api/v1/propagation?since=1d"},
    "/api/v1/metrics": {"400": "/api/v1/metrics?kind=serve"},
    "/api/v1/dependencies": {"400": "/api/v1/dependencies?since=30d"},
    "/health": {"503": "/health"},
    "/api/services/{service}/operations": {"404": "/api/services/a%0Ab/operations"},
    "/api/operations": {"400": "/api/operations"},
    "/api/traces": {"400": "/api/traces?service=payment&minDuration=20"},
    "/api/traces/{trace_id}": {"400": "/api/traces/xyz", "404": f"/api/traces/{'a' * 32}"},
    "/api/archive/{trace_id}": {
        "400": "/api/archive/xyz",
        "404": "/api/archive/a%0Ab",
        "500": f"/api/archive/{ID}",
    },
    "/api/transform": {"400": "/api/transform", "413": "/api/transform"},
    "/api/dependencies": {"400": "/api/dependencies?endTs=now"},
    "/api/metrics/{family}": {"400": "/api/metrics/calls", "404": "/api/metrics/minstep"},
    "/analytics/v1/dependencies": {"400": "/analytics/v1/dependencies"},
    "/api/v3/traces/{trace_id}": {"400": "/api/v3/traces/xyz", "404": f"/api/v3/traces/{'a' * 32}"},
    "/api/v3/traces": {"400": "/api/v3/traces", "404": f"/api/v3/traces{V3_SEARCH}&query.serviceName=nobody"},
    "/api/v3/trace-summaries": {"400": f"/api/v3/trace-summaries{V3_SEARCH}&query.durationMin=20"},
}
"""What is answered with an error of the route's own, by path and status."""
EVERYWHERE: Final = {"/api/v1/": "/api/v1/services", "/api/v3/": "/api/v3/services", "/api/": "/api/services",
                     "/analytics/": "/analytics/v1/dependencies"}  # fmt: skip
"""Below each of these paths errors that don't depend on the question are the same: as those of this route."""
ALIKE: Final = ("401", "403", "503", "default")
BODIES: Final = {"400": b"{", "413": b" " * (MOST_BYTES + 1)}
"""To be transformed."""
FIELDS_SHOWN: Final = 3
"""Of the language's table: it is the same everywhere."""


def reader() -> RowsReader:
    """payment's outbound proxy could not connect to ledger; the same request of before went well."""
    record = replace(
        access(
            "sidecar-outbound", "a2", "b7", "53", took=26, service="payment", code=503, flags="UF", cluster="ledger"
        ),
        response_code_details="upstream_reset_before_response_started{remote_connection_failure}",
        upstream_transport_failure_reason="delayed connect error: Connection refused",
        upstream_host="127.0.0.1:9",
        record_id="8231177423964212913",
    )
    rows = [
        record,
        log("the ledger did not answer", "b7", ms=25, service="payment", level="ERROR"),
        replace(record, transaction_id=OTHER, response_code=200, response_flags="", response_code_details="via_upstream",
                upstream_transport_failure_reason="", duration=9_000_000),
        span("POST /charge", "c1", service="payment", kind="server", transaction="c" * 32),
    ]  # fmt: skip
    it = RowsReader(rows)
    it.mesh_events = events_of(record)
    minute = (START // 60 // SECOND - 5) * 60 * SECOND
    it.points = [RedPoint(minute, "payment", "POST /charge", "server", 120, 3, durations(4))]
    it.edges = [Dependency("cart", "payment", 600, 6, durations(4))]
    it.proxied = [ProxiedCalls("payment", "sidecar-outbound", "ledger", "", 60, 30, 6, {"UF": 30}, durations(26))]
    it.passed = [
        PassedCount("payment", "payment-1", "inbound", 5),
        PassedCount("payment", "payment-1", "nothing", 1, [
            OutboundCall("payment", "payment-1", "nothing", START, OTHER, record.request_id, "POST", "/entries", "ledger")
        ]),
    ]  # fmt: skip
    it.open = {("payment", "payment-1", START): OpenRequest(ID, "POST", "/charge", 1)}
    begin, end = START - 600 * SECOND, START - 60 * SECOND
    it.stats = [
        StatSum("payment-1", "payment", "127.0.0.1:9901", name, scope, "", increase, last, last, 0, 109, begin, end)
        for name, scope, increase, last in (
            ("scrapes", "", 109, 0), ("http_downstream_rq_finished", "ingress", 1000, 0),
            ("cluster_upstream_rq_total", "ledger", 60, 0), ("cluster_upstream_cx_connect_fail", "ledger", 30, 0),
            ("cluster_membership_total", "ledger", 0, 2), ("cluster_membership_healthy", "ledger", 0, 1),
        )
    ]  # fmt: skip
    it.records = {"payment-1": 1000}
    return it


def searcher() -> RowsSearcher:
    hits = [
        replace(hit(one, START - number), root="POST /charge", response_code=code, response_flags=flags,
                services=("payment",), duration=26_000_000, logs=1, errors=int(code != 200))
        for number, (one, code, flags) in enumerate([(ID, 503, ("UF",)), (OTHER, 200, ())])
    ]  # fmt: skip
    facets = [
        Facet("found", "", 2), Facet("service", "payment", 2), Facet("status", "error", 1), Facet("status", "unset", 1),
        Facet("root", "POST /charge", 2), Facet("response_code", "200", 1), Facet("response_code", "503", 1),
        Facet("flags", "UF", 1), Facet("duration", "33554432", 2),
    ]  # fmt: skip
    return RowsSearcher(hits, facets)


def produced(path: str, status: str, media_type: str) -> Any:
    """What the service answers, as `examples.json` has it."""
    # A search that is followed began before what it finds.
    clock = iter([START - SECOND] * 2 if path.endswith("/follow") and status == "200" else [])
    # Long enough for a few looks, too short for a sign of life.
    followers = Followers(poll_seconds=0.05, longest_seconds=0.6)
    rows, found, access, headers = reader(), searcher(), OPEN, {}
    method = "POST" if path in ("/api/transform", "/api/archive/{trace_id}") else "GET"
    if status in ("401", "403"):
        with TemporaryDirectory() as folder:
            made = tokens(Path(folder))
            access = made.access()
        headers = made.bearer("writer") if status == "403" else {}
    elif status == "503" and path == "/api/v1/search/follow":
        followers._now = MOST
    elif status == "503":
        rows.away = "ClickHouse at 127.0.0.1:9000 does not answer: ConnectionRefusedError(111, 'Connection refused')"
        found.refuse = lambda window: TryLater(rows.away, 2)
    elif status == "404":
        found.hits = []
    elif status == "default":
        method = "DELETE"
    asked = REFUSED.get(path, {}).get(status) or JAEGER.get(path) or REQUESTS[path].get(media_type)
    asked = asked or next(iter(REQUESTS[path].values()))
    app = create_app(
        rows, found, QuerySettings(), access, followers=followers, clock=lambda: next(clock, START + SECOND)
    )
    answer = call(app, asked, method, BODIES.get(status, b"") if path == "/api/transform" else b"", **headers)
    assert answer.status_code == (405 if status == "default" else int(status)), answer.text
    assert answer.headers["content-type"].partition(";")[0] == media_type
    if media_type == "text/event-stream":
        return re.sub(r"(?m)^id: [0-9a-f]{16}-(\d+)-\d+", rf"id: 6b1f3c1d2a4e5f60-\1-{START + SECOND}", answer.text)
    if media_type != "application/json":
        return answer.text
    body = answer.json()
    if path.endswith("/fields") and status == "200":
        body["fields"] = body["fields"][:FIELDS_SHOWN]
    return body


def everything() -> dict[str, dict[str, dict[str, Any]]]:
    examples: dict[str, dict[str, dict[str, Any]]] = {}

    def add(name: str, path: str, status: str, media_type: str) -> None:
        examples.setdefault(name, {}).setdefault(status, {})[media_type] = produced(path, status, media_type)

    for path, them in REQUESTS.items():
        for media_type in them:
            add(path, path, "200", media_type)
    for path, statuses in REFUSED.items():
        for status in statuses:
            add(path, path, status, "text/plain" if path in JAEGER else "application/json")
    for below, path in EVERYWHERE.items():
        for status in ALIKE:
            if status != "default" or path in REQUESTS:
                add(below, path, status, "text/plain" if path in JAEGER else "application/json")
    return examples


if __name__ == "__main__":
    FILE.write_text(json.dumps(everything(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
