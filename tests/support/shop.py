"""The rows that requests through the demo's shop leave behind, as Envoy and the agent write them.

    client → edge Envoy → cart's inbound Envoy → cart → cart's outbound Envoy → payment's inbound Envoy → payment

With spans every Envoy records a server span and one client span per attempt; without (sampled out) there are
access logs and log lines only. Each story returns its rows in causal order.
"""

from dataclasses import replace
from typing import Any

from support.rows import MS, access, log, proxy_span, span
from weftline.collector.store.protocol import Row


def success(*, sampled: bool = True) -> list[Row]:
    """POST /checkout → 200 through four proxies and two services."""
    rows: list[Row] = [
        *_proxy("edge", "edge", "e0", "", "e1", 0, 40, sampled, "POST", "/checkout", cluster="cart"),
        *_proxy("sidecar-inbound", "cart", "c0", "e1", "c1", 1, 38, sampled, "POST", "/checkout", cluster="cart_app"),
        *_spans(sampled, span("POST /checkout", "a0", "c1", ms=2, took=36, kind="server", attributes=_OK)),
        log("checkout order=4711", "a0", ms=3, arrived=_unless(sampled, "c1")),
        *_spans(sampled, span("GET", "a1", "a0", ms=4, took=30, kind="client")),
        *_proxy("sidecar-outbound", "cart", "o0", _app(sampled), "o1", 5, 28, sampled, cluster="payment"),
        *_proxy("sidecar-inbound", "payment", "p0", "o1", "p1", 6, 26, sampled, cluster="payment_app"),
        *_spans(sampled, span("GET /pay", "b0", "p1", ms=7, took=24, service="payment", kind="server", attributes=_OK)),
        log("charging 12.50 EUR", "b0", ms=8, service="payment", arrived=_unless(sampled, "p1")),
        log("charged", "b0", ms=20, service="payment", arrived=_unless(sampled, "p1")),
        log("order 4711 is paid", "a0", ms=36, arrived=_unless(sampled, "c1")),
    ]
    return rows


def retry(*, sampled: bool = True) -> list[Row]:
    """payment answers the first attempt with 503, the second with 200; cart's outbound proxy retried."""
    first, last = "o1", "o2"
    return [
        *_proxy("sidecar-inbound", "cart", "c0", "", "c1", 0, 60, sampled, "POST", "/checkout"),
        *_spans(sampled, span("POST /checkout", "a0", "c1", ms=1, took=58, kind="server", attributes=_OK)),
        log("checkout", "a0", ms=2, arrived=_unless(sampled, "c1")),
        *_spans(sampled, span("GET", "a1", "a0", ms=3, took=50, kind="client")),
        *_proxy("sidecar-outbound", "cart", "o0", _app(sampled), last, 4, 48, sampled, attempts=2, first=first),
        *_proxy("sidecar-inbound", "payment", "p0", first, "p1", 5, 10, sampled, code=503),
        *_spans(sampled, span("GET /pay", "b0", "p1", ms=6, took=8, service="payment", kind="server", status="error")),
        log("card service is busy", "b0", ms=7, service="payment", level="ERROR", arrived=_unless(sampled, "p1")),
        *_proxy("sidecar-inbound", "payment", "p8", last, "p9", 40, 10, sampled),
        *_spans(sampled, span("GET /pay", "b8", "p9", ms=41, took=8, service="payment", kind="server", attributes=_OK)),
        log("charged", "b8", ms=42, service="payment", arrived=_unless(sampled, "p9")),
        log("paid", "a0", ms=55, arrived=_unless(sampled, "c1")),
    ]


def no_route() -> list[Row]:
    """The edge has no route: one server span, one access log, no upstream."""
    return [
        *_spans(True, proxy_span("edge", "ingress", "e0", service="edge", took=0.2, kind="server", status="error")),
        access(
            "edge", "e0", took=0.2, service="edge", code=404, flags="NR", details="route_not_found", path="/nowhere"
        ),
    ]


def upstream_down() -> list[Row]:
    """payment's sidecar can't connect to payment: UF, the way back through all proxies."""
    reason = "delayed connect error: Connection refused"
    bad: dict[str, Any] = {"code": 503}
    died = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}"
    return [
        *_proxy("edge", "edge", "e0", "", "e1", 0, 40, True, "POST", "/checkout", cluster="cart", **bad),
        *_proxy("sidecar-inbound", "cart", "c0", "e1", "c1", 1, 38, True, "POST", "/checkout", **bad),
        span("POST /checkout", "a0", "c1", ms=2, took=36, kind="server", status="error", attributes=_FAILED),
        span("GET", "a1", "a0", ms=4, took=30, kind="client", status="error"),
        *_proxy("sidecar-outbound", "cart", "o0", "a1", "o1", 5, 28, True, cluster="payment", **bad),
        *_proxy(
            "sidecar-inbound", "payment", "p0", "o1", "p1", 6, 26, True,
            code=503, flags="UF", details=died, transport_failure=reason, cluster="payment_app",
        ),
        log("payment failed", "a0", ms=35, level="ERROR", attributes=_EXCEPTION),
    ]  # fmt: skip


def timeout() -> list[Row]:
    """The edge gives up after 50 ms (UT); cart's sidecar sees it leave (DC); cart goes on and logs afterwards."""
    return [
        access("edge", "e0", "", "e1", ms=0, took=50, service="edge", code=504, flags="UT", details="response_timeout"),
        access("sidecar-inbound", "c0", "e1", "c1", ms=1, took=49, code=0, flags="DC",
               details="downstream_remote_disconnect"),
        log("slow query", "a0", ms=2, arrived="c1"),
        log("done at last", "a0", ms=200),
    ]  # fmt: skip


def laptop() -> list[Row]:
    """Two services, no proxy."""
    return [
        span("POST /checkout", "a0", ms=0, took=30, kind="server", attributes=_OK),
        log("checkout", "a0", ms=1),
        span("GET", "a1", "a0", ms=2, took=20, kind="client"),
        span("GET /pay", "b0", "a1", ms=3, took=18, service="payment", kind="server", attributes=_OK),
        log("charged", "b0", ms=4, service="payment"),
    ]


def shifted(rows: list[Row], service: str, seconds: float) -> list[Row]:
    """The same rows, with the clock of ``service``'s host wrong by ``seconds``."""
    return [replace(row, time=row.time + round(seconds * 1000 * MS)) if row.service == service else row for row in rows]


_OK = {"http.response.status_code": "200", "http.request.method": "GET"}
_FAILED = {"http.response.status_code": "503", "error.type": "HTTPError"}
_EXCEPTION = {
    "exception.type": "requests.exceptions.HTTPError",
    "exception.message": "503 Server Error: Service Unavailable for url: http://payment/pay",
    "exception.stacktrace": (
        "Traceback (most recent call last):\n"
        '  File "cart.py", line 31, in checkout\n'
        "    answer.raise_for_status()\n"
        "requests.exceptions.HTTPError: 503 Server Error"
    ),
}


def _proxy(
    role: str, service: str, own: str, parent: str, upstream: str, ms: float, took: float, sampled: bool,
    method: str = "GET", path: str = "/pay", *, code: int = 200, attempts: int = 1, first: str = "",
    cluster: str = "", **more: Any,
) -> list[Row]:  # fmt: skip
    """What one Envoy leaves: server span, access log, a client span per attempt (`first`, then `upstream`)."""
    status = "error" if code >= 500 else "unset"
    options: dict[str, Any] = {"service": service, "status": status}
    server = proxy_span(role, "ingress", own, parent, ms=ms, took=took, kind="server", **options)
    record = access(
        role, own, parent, upstream, ms=ms, took=took, service=service, code=code, attempts=attempts, method=method,
        path=path, cluster=cluster, **more,
    )  # fmt: skip
    if not sampled:
        return [record]
    tries = [first, upstream] if first else [upstream]
    clients = [
        proxy_span(
            role, f"router {cluster} egress", one, own, ms=ms + 0.5 + 30 * n, took=took - 1 - 30 * n, kind="client", **options
        )
        for n, one in enumerate(tries)
    ]  # fmt: skip
    return [server, record, *clients]


def _spans(sampled: bool, *spans: Row) -> list[Row]:
    return list(spans) if sampled else []


def _unless(sampled: bool, span_id: str) -> str:
    return "" if sampled else span_id


def _app(sampled: bool) -> str:
    """The span id cart sends on: its client span's, or, when nothing is recorded, its own."""
    return "a1" if sampled else "a0"
