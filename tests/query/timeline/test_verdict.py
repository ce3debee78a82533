"""Which hop failed, and why: the chain rule on rows by hand. On real Envoys: tests/deploy/demo/test_failures.py."""

from dataclasses import replace

import pytest

from support import shop
from support.rows import TRANSACTION, access, log, span
from weftline.collector.store.protocol import Row, SpanEvent
from weftline.query.timeline import Verdict, assemble

OUT, IN = "sidecar-outbound", "sidecar-inbound"


def verdict(rows: list[Row]) -> Verdict | None:
    return assemble(TRANSACTION, rows).summary.verdict


def said(rows: list[Row]) -> str:
    it = verdict(rows)
    assert it
    return it.text


def chain(*hops: Row) -> list[Row]:
    """Three proxies, one below the other: edge, cart's inbound, then across the application cart's outbound."""
    return list(hops)


def edge(code: int, flags: str = "", details: str = "via_upstream", **more: object) -> Row:
    return access("edge", "e", "", "e1", took=40, service="edge", code=code, flags=flags, details=details, cluster="cart", **more)  # type: ignore[arg-type]  # fmt: skip


def inbound(code: int, flags: str = "", details: str = "via_upstream", **more: object) -> Row:
    return access(IN, "c", "e1", "c1", ms=1, took=38, code=code, flags=flags, details=details, cluster="inbound|8080||", **more)  # type: ignore[arg-type]  # fmt: skip


def outbound(code: int, flags: str = "", details: str = "via_upstream", **more: object) -> Row:
    """Below the inbound one by service and time: the application left neither span nor log line."""
    return access(OUT, "o", "ab", "o1", ms=5, took=20, code=code, flags=flags, details=details, cluster="outbound|80||pay.shop.svc", **more)  # type: ignore[arg-type]  # fmt: skip


def test_a_request_that_went_well_has_none() -> None:
    assert verdict(shop.success()) is None
    assert verdict([]) is None


def test_where_no_proxy_recorded_anything_the_spans_say_it() -> None:
    rows = [
        span("GET /", "a", status="error", kind="server", took=30),
        span("GET /pay", "b", "a", ms=1, status="error", kind="client", took=20),
        span("charge", "c", "b", ms=2, status="error", service="payment", status_message="card refused\nmore"),
        log("giving up", "a", ms=25, level="ERROR"),
    ]
    it = verdict(rows)
    assert it
    assert (it.text, it.failed, it.blame) == ("payment: charge failed (card refused)", True, None)
    assert (it.entry, it.evidence) == (2, (2,))


def test_a_failed_span_that_somebody_coped_with_is_noted() -> None:
    boom = SpanEvent(0, "exception", {"exception.type": "TimeoutError", "exception.message": "no answer in 1 s\nat"})
    rows = [span("GET /", "a", took=30), span("GET cache", "b", "a", status="error", events=[boom])]
    it = verdict(rows)
    assert it
    assert (it.text, it.failed) == ("cart: GET cache failed (TimeoutError: no answer in 1 s)", False)


def test_a_failed_span_that_says_nothing_is_explained_by_what_it_logged() -> None:
    rows = [span("GET /", "a", status="error"), log("out of paper", "a", ms=0.5, level="ERROR")]
    it = verdict(rows)
    assert it
    assert (it.text, it.evidence) == ("cart: GET / failed (out of paper)", (0, 1))


def test_a_slow_one_says_where_the_time_went() -> None:
    rows = [
        span("GET /", "a", took=2000, kind="server"),
        span("GET", "b", "a", ms=100, took=1800, kind="client"),
        span("charge card", "c", "b", ms=300, took=1400, service="payment", kind="server"),
    ]
    it = verdict(rows)
    assert it
    assert it.text == (
        "slow, 2.00 s: 1.40 s in payment (charge card), 400 ms on the network between cart and what it called (inferred)"
    )
    assert (it.failed, it.entry, it.evidence, it.blame) == (False, 2, (2, 1), None)
    assert verdict(rows[2:]) is not None
    assert verdict([span("GET /", "a", took=999)]) is None


def test_a_slow_call_of_something_silent_says_that() -> None:
    rows = [
        span("GET /", "a", took=2000, kind="server"),
        span("SELECT orders", "b", "a", ms=1, took=1990, kind="client"),
    ]
    assert said(rows) == "slow, 2.00 s: 1.99 s in what cart called (SELECT orders), which recorded nothing"


def test_the_evidence_of_a_timeout_is_who_gave_up_and_who_was_waiting() -> None:
    rows = chain(edge(504, "UT", "response_timeout"), inbound(0, "DC", "downstream_remote_disconnect"))
    it = verdict(rows)
    assert it
    assert it.evidence == (0, 1)


def test_a_503_that_was_passed_on_is_blamed_on_where_it_began() -> None:
    it = verdict(shop.upstream_down())
    assert it
    assert (it.service, it.proxy_role, it.kind, it.reason, it.blame, it.failed) == (
        "payment", IN, "upstream_connect_failure", "UF", "upstream", True,
    )  # fmt: skip
    assert it.text == "payment's inbound proxy: could not connect to payment_app (Connection refused)"
    entry = assemble(TRANSACTION, shop.upstream_down()).entries[it.entry]
    assert (entry.row.service, entry.error) == ("payment", True)


@pytest.mark.parametrize(
    ("flags", "details", "text", "blame"),
    [
        ("UO", "overflow", "circuit breaker open (too many requests or connections to pay.shop.svc)", "proxy"),
        ("RL", "local_rate_limited", "rate limited by this proxy", "proxy"),
        ("UT", "response_timeout", "pay.shop.svc was too slow: request timed out", "upstream"),
        ("UH", "no_healthy_upstream", "no healthy host of pay.shop.svc", "upstream"),
        ("UC", "upstream_reset", "pay.shop.svc closed the connection before answering", "upstream"),
        ("UPE", "upstream_reset", "pay.shop.svc broke the HTTP protocol", "upstream"),
        ("DI,FI", "fault_filter_abort", "delay injected by fault filter; error injected by fault filter", "configuration"),
        ("", "rbac_access_denied_matched_policy[none]", "denied by an RBAC policy", "configuration"),
        ("NC", "cluster_not_found", "route names an unknown cluster", "configuration"),
    ],
)  # fmt: skip
def test_every_kind_of_failure_is_worded_and_blamed(flags: str, details: str, text: str, blame: str) -> None:
    it = verdict(chain(edge(503), inbound(503), outbound(503, flags, details)))
    assert it
    assert (it.text, it.blame.value) == (f"cart's outbound proxy: {text}", blame)


def test_a_client_that_left_is_blamed_at_the_first_hop() -> None:
    """Every proxy says DC: the first is the client's doing, the others follow."""
    rows = chain(
        edge(0, "DC", "downstream_remote_disconnect"),
        inbound(0, "DC", "downstream_remote_disconnect"),
        outbound(0, "DC", "downstream_remote_disconnect"),
    )
    it = verdict(rows)
    assert it
    assert (it.service, it.kind, it.blame.value) == ("edge", "client_abort", "caller")
    assert it.text == "edge proxy: client left before the response; cart's outbound proxy was still waiting"


def test_a_caller_that_left_because_it_timed_out_is_blamed_on_the_timeout() -> None:
    rows = chain(edge(504, "UT", "response_timeout"), inbound(0, "DC", "downstream_remote_disconnect"))
    assert said(rows) == "edge proxy: cart was too slow: request timed out; cart's inbound proxy was still waiting"


def test_an_application_that_gave_up_by_itself_is_where_it_began() -> None:
    """cart's own time limit: its outbound proxy sees a client that left, its inbound one an answer of the application."""
    it = verdict(chain(edge(500), inbound(500), outbound(0, "DC", "downstream_remote_disconnect")))
    assert it
    assert (it.service, it.proxy_role, it.kind) == ("cart", IN, None)
    assert it.text == "cart itself answered with 500"


def test_a_connection_closed_because_the_next_hop_was_overloaded_began_there() -> None:
    it = verdict(chain(edge(503, "UC", "upstream_reset"), inbound(503, "OM", "overload_manager")))
    assert it
    assert (it.service, it.kind) == ("cart", "overload")


def test_retries_that_all_failed_name_the_failure_and_the_retries() -> None:
    rows = chain(
        edge(503, "URX", attempts=3), inbound(503), outbound(503, "UF", transport_failure="Connection_refused")
    )
    it = verdict(rows)
    assert it
    assert (it.service, it.proxy_role, it.kind) == ("cart", OUT, "upstream_connect_failure")
    assert it.text == (
        "cart's outbound proxy: could not connect to pay.shop.svc (Connection refused); edge proxy: retries used up, "
        "asked cart 3 times"
    )


def test_retries_in_one_proxy_name_what_each_attempt_met() -> None:
    assert said(chain(edge(503, "URX,UF", attempts=3))) == "edge proxy: could not connect to cart"
    assert said(chain(edge(503, "URX", attempts=3))) == "edge proxy: retries used up, asked cart 3 times"


@pytest.mark.parametrize("sampled", [True, False])
def test_a_retry_that_helped_is_noted_and_no_failure(sampled: bool) -> None:
    it = verdict(shop.retry(sampled=sampled))
    assert it
    assert (it.service, it.proxy_role, it.kind, it.failed) == ("cart", OUT, "retry", False)
    assert it.text.startswith("cart's outbound proxy: asked ")
    assert it.text.endswith("2 times; payment itself answered with 503")


def test_a_failure_that_the_client_did_not_see_is_noted() -> None:
    it = verdict(chain(edge(200), inbound(200), outbound(503, "UF")))
    assert it
    assert (it.failed, it.text) == (False, "cart's outbound proxy: could not connect to pay.shop.svc")


def test_an_application_without_a_sidecar_is_named_by_its_cluster() -> None:
    assert said(chain(edge(500))) == "cart itself answered with 500"
    assert said(chain(edge(200, grpc_status="14"))) == "cart itself answered with gRPC status 14"


def test_ids_in_a_circle_do_not_hang() -> None:
    one = access("edge", "a", "b1", "a1", code=503, flags="UC")
    two = access(IN, "b", "a1", "b1", code=503, flags="UC", ms=1)
    assert verdict([one, two]) is not None


def test_attempts_are_not_hops() -> None:
    attempt = replace(edge(503, "UF"), log_type="UpstreamEnd", kind="attempt", span_id="")  # type: ignore[type-var]
    it = verdict([edge(503, "UF"), attempt])
    assert it
    assert it.text == "edge proxy: could not connect to cart"
