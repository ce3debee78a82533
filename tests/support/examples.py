"""The example answers in the API's description: produced by the service itself, out of rows by hand.

`PYTHONPATH=tests python tests/support/examples.py` writes them into `query/routes/examples.json`; a test holds them together.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from support.asgi import call
from support.rows import START, RowsReader, RowsSearcher, access, durations, events_of, hit, log, span
from support.rows import TRANSACTION as ID
from weftline.collector.store.mesh import OpenRequest, OutboundCall, PassedCount, StatSum
from weftline.collector.store.red import Dependency, ProxiedCalls, RedPoint
from weftline.collector.store.searcher import Facet
from weftline.query.app import create_app
from weftline.query.routes.following import Followers
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
}
"""What each example answers, by path and media type."""
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


def produced(path: str, media_type: str) -> Any:
    """What the service answers, as `examples.json` has it."""
    # A search that is followed began before what it finds.
    clock = iter([START - SECOND] * 2 if path.endswith("/follow") else [])
    # Long enough for a few looks, too short for a sign of life.
    followers = Followers(poll_seconds=0.05, longest_seconds=0.6)
    app = create_app(
        reader(), searcher(), QuerySettings(), followers=followers, clock=lambda: next(clock, START + SECOND)
    )
    answer = call(app, REQUESTS[path][media_type])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == media_type
    if media_type == "text/event-stream":
        return re.sub(r"(?m)^id: [0-9a-f]{16}-(\d+)-\d+", rf"id: 6b1f3c1d2a4e5f60-\1-{START + SECOND}", answer.text)
    if media_type != "application/json":
        return answer.text
    body = answer.json()
    if path.endswith("/fields"):
        body["fields"] = body["fields"][:FIELDS_SHOWN]
    return body


def everything() -> dict[str, dict[str, Any]]:
    return {path: {media_type: produced(path, media_type) for media_type in them} for path, them in REQUESTS.items()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(everything(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
