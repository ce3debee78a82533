"""What the timeline of each kind of request looks like: order, depth, causes, summary."""

from dataclasses import replace

import pytest

from support import shop
from support.rows import TRANSACTION, access, at, attempt, log, proxy_span, sid, span
from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanRow
from weftline.query.timeline import Summary, Timeline, assemble


def told(rows: list[Row]) -> list[str]:
    """The timeline as indented text: kind of row, service, what it is; `~` marks an inferred cause."""
    return [
        "  " * entry.depth + ("~" if entry.parent_by == "inferred" else "") + _label(entry.row)
        for entry in assemble(TRANSACTION, rows[::-1]).entries
    ]


def _label(row: Row) -> str:
    match row:
        case SpanRow():
            return f"{row.service} {row.kind} {row.span_id.lstrip('0')}"
        case AccessLogRow(kind="attempt"):
            return f"{row.service} attempt {row.upstream_attempts} {row.response_code}"
        case AccessLogRow():
            return f"{row.service} {row.proxy_role.removeprefix('sidecar-')} {row.response_code}"
        case LogRow():
            return f"{row.service}: {row.body}"


def timeline(rows: list[Row]) -> Timeline:
    return assemble(TRANSACTION, rows)


def test_success_through_four_proxies() -> None:
    assert told(shop.success()) == [
        "edge server e0",
        "  edge edge 200",
        "  edge client e1",
        "    cart server c0",
        "      cart inbound 200",
        "      cart client c1",
        "        cart server a0",
        "          cart: checkout order=4711",
        "          cart client a1",
        "            cart server o0",
        "              cart outbound 200",
        "              cart client o1",
        "                payment server p0",
        "                  payment inbound 200",
        "                  payment client p1",
        "                    payment server b0",
        "                      payment: charging 12.50 EUR",
        "                      payment: charged",
        "          cart: order 4711 is paid",
    ]
    summary = timeline(shop.success()).summary
    assert summary.root == "POST /checkout"
    assert summary.services == ("edge", "cart", "payment")
    assert (summary.spans, summary.access_logs, summary.logs, summary.errors) == (11, 4, 4, 0)
    assert (summary.response_code, summary.response_flags, summary.sampled) == (200, "", True)
    assert (summary.start, summary.end, summary.duration) == (at(0), at(40), 40_000_000)


def test_sampled_out_is_linked_by_ids_alone() -> None:
    rows = shop.success(sampled=False)
    assert told(rows) == [
        "edge edge 200",
        "  cart inbound 200",
        "    cart: checkout order=4711",
        "    cart outbound 200",
        "      payment inbound 200",
        "        payment: charging 12.50 EUR",
        "        payment: charged",
        "    cart: order 4711 is paid",
    ]
    assert timeline(rows).summary.sampled is False
    assert [entry.parent_by for entry in timeline(rows).entries] == [None, *["span"] * 7]


def test_sampled_out_without_log_lines_infers_the_way_through_the_service() -> None:
    rows = [row for row in shop.success(sampled=False) if not isinstance(row, LogRow)]
    assert told(rows) == ["edge edge 200", "  cart inbound 200", "    ~cart outbound 200", "      payment inbound 200"]


def test_log_lines_that_do_not_say_what_arrived_are_inferred() -> None:
    rows = [
        access("sidecar-inbound", "c0", "", "c1", ms=0, took=10),
        log("in its span", "a0", ms=1),
        log("in no span", ms=2),
        log("of a service without proxy", "f0", ms=3, service="batch"),
        log("after the response", "a0", ms=30),
    ]
    assert told(rows) == [
        "cart inbound 200",
        "  ~cart: in its span",
        "  ~cart: in no span",
        "batch: of a service without proxy",
        "  ~cart: after the response",
    ]


def test_a_client_that_left_leaves_a_record_without_duration() -> None:
    rows = [
        access("sidecar-inbound", "c0", "", "c1", ms=0, took=0, code=0, flags="DC"),
        span("POST /checkout", "a0", "a9", ms=1, took=500, kind="server"),
        access("sidecar-outbound", "o0", "a8", "o1", ms=2, took=400),
    ]
    assert told(rows) == ["cart inbound 0", "  ~cart server a0", "    ~cart outbound 200"]


def test_retry_has_one_branch_per_attempt() -> None:
    assert told(shop.retry()) == [
        "cart server c0",
        "  cart inbound 200",
        "  cart client c1",
        "    cart server a0",
        "      cart: checkout",
        "      cart client a1",
        "        cart server o0",
        "          cart outbound 200",
        "          cart client o1",
        "            payment server p0",
        "              payment inbound 503",
        "              payment client p1",
        "                payment server b0",
        "                  payment: card service is busy",
        "          cart client o2",
        "            payment server p8",
        "              payment inbound 200",
        "              payment client p9",
        "                payment server b8",
        "                  payment: charged",
        "      cart: paid",
    ]


RETRY_SAMPLED_OUT = [
    "cart inbound 200",
    "  cart: checkout",
    "  cart outbound 200",
    "    ~payment inbound 503",
    "      payment: card service is busy",
    "    payment inbound 200",
    "      payment: charged",
    "  cart: paid",
]


def test_retry_sampled_out_infers_the_earlier_attempt_only() -> None:
    assert told(shop.retry(sampled=False)) == RETRY_SAMPLED_OUT


def test_retry_sampled_out_when_the_last_attempt_never_arrived() -> None:
    rows = [
        access("sidecar-outbound", "o0", "", "o2", ms=0, took=50, attempts=2, code=503, flags="URX,UF"),
        access("sidecar-inbound", "p0", "o1", "p1", ms=5, took=10, service="payment", code=503),
    ]
    assert told(rows) == ["cart outbound 503", "  ~payment inbound 503"]


def test_an_attempt_belongs_to_the_retrying_request_that_lasted_around_it() -> None:
    """Two calls of the same path, both retried: the later attempts alone would name the wrong one."""
    rows = [
        access("sidecar-outbound", "o0", "a0", "o2", ms=0, took=20, attempts=2),
        access("sidecar-inbound", "p1", "o1", "", ms=1, took=2, service="payment", code=503),
        access("sidecar-inbound", "p2", "o2", "", ms=10, took=2, service="payment"),
        access("sidecar-outbound", "o5", "a0", "o7", ms=8, took=30, attempts=2),
        access("sidecar-inbound", "p6", "o6", "", ms=9, took=2, service="payment", code=503),
        access("sidecar-inbound", "p7", "o7", "", ms=30, took=2, service="payment"),
    ]
    entries = assemble(TRANSACTION, rows).entries
    sender = {entry.row.span_id: entries[entry.parent].row.span_id for entry in entries if entry.parent is not None}
    assert sender == {sid("p1"): sid("o0"), sid("p2"): sid("o0"), sid("p6"): sid("o5"), sid("p7"): sid("o5")}


def test_no_route_at_the_edge() -> None:
    assert told(shop.no_route()) == ["edge server e0", "  edge edge 404"]
    summary = timeline(shop.no_route()).summary
    assert (summary.response_code, summary.response_flags, summary.errors) == (404, "NR", 2)


def test_upstream_down() -> None:
    assert told(shop.upstream_down())[-4:] == [
        "                payment server p0",
        "                  payment inbound 503",
        "                  payment client p1",
        "          cart: payment failed",
    ]
    summary = timeline(shop.upstream_down()).summary
    assert (summary.response_code, summary.response_flags) == (503, "")


def test_timeout_keeps_what_was_logged_after_the_proxies_gave_up() -> None:
    assert told(shop.timeout()) == [
        "edge edge 504",
        "  cart inbound 0",
        "    cart: slow query",
        "    cart: done at last",
    ]
    summary = timeline(shop.timeout()).summary
    assert (summary.response_code, summary.response_flags, summary.end) == (504, "UT", at(200))


def test_no_proxies_at_all() -> None:
    assert told(shop.laptop()) == [
        "cart server a0",
        "  cart: checkout",
        "  cart client a1",
        "    payment server b0",
        "      payment: charged",
    ]
    summary = timeline(shop.laptop()).summary
    assert (summary.root, summary.response_code, summary.response_flags) == ("POST /checkout", 200, "")


def test_logs_alone() -> None:
    rows = [log("two", ms=2, service="payment"), log("one", ms=1)]
    assert told(rows) == ["cart: one", "payment: two"]
    summary = timeline(rows).summary
    assert (summary.root, summary.response_code, summary.sampled) == ("", None, False)


def test_no_rows() -> None:
    empty = timeline([])
    assert empty.entries == ()
    assert (empty.summary.start, empty.summary.duration) == (0, 0)


def test_proxies_without_spans_of_their_own_stand_for_them() -> None:
    """The applications are traced, the proxies only log: ids lead from span to access log and back."""
    rows = [row for row in shop.success() if not _is_proxy_span(row)]
    assert told(rows) == [
        "edge edge 200",
        "  cart inbound 200",
        "    cart server a0",
        "      cart: checkout order=4711",
        "      cart client a1",
        "        cart outbound 200",
        "          payment inbound 200",
        "            payment server b0",
        "              payment: charging 12.50 EUR",
        "              payment: charged",
        "      cart: order 4711 is paid",
    ]
    assert {entry.parent_by for entry in timeline(rows).entries} == {None, "span"}


def test_a_missing_span_in_the_middle_is_bridged_within_its_service() -> None:
    """cart's client span is lost: what it caused hangs under cart's server span, and says that it is inferred."""
    rows = [row for row in shop.success() if getattr(row, "span_id", "") != sid("a1")]
    lines = told(rows)
    assert "          ~cart server o0" in lines
    assert "            cart outbound 200" in lines


def test_a_span_whose_parent_is_lost_hangs_under_the_inbound_proxy() -> None:
    rows = [
        access("sidecar-inbound", "c0", "e1", "c9", ms=0, took=10),
        span("POST /checkout", "a0", "c1", ms=1, took=5, kind="server"),
        span("work", "a7", "a6", ms=2, took=1),
        span("other trace's root", "f0", "", ms=3, took=1, kind="client"),
    ]
    assert told(rows) == [
        "cart inbound 200",
        "  ~cart server a0",
        "    ~cart internal a7",
        "cart client f0",
    ]


def test_a_missing_parent_in_another_service_is_not_guessed() -> None:
    rows = [
        span("POST /checkout", "a0", ms=0, took=30, kind="server"),
        span("GET /pay", "b0", "a1", ms=3, took=18, service="payment", kind="server"),
    ]
    assert told(rows) == ["cart server a0", "payment server b0"]


def test_a_proxy_without_tracer_does_not_claim_the_id_it_passes_on() -> None:
    rows = [
        span("GET", "a1", ms=0, took=30, kind="client"),
        access("sidecar-outbound", "", "a1", "a1", ms=1, took=20),
        access("sidecar-inbound", "", "a1", "a1", ms=2, took=18, service="payment"),
        span("GET /pay", "b0", "a1", ms=3, took=16, service="payment", kind="server"),
    ]
    assert told(rows) == ["cart client a1", "  cart outbound 200", "  payment inbound 200", "  payment server b0"]


def test_start_and_end_entries_of_one_request_stand_at_their_span() -> None:
    rows = [
        proxy_span("edge", "ingress", "e0", service="edge", ms=0, took=10, kind="server"),
        access("edge", "e0", ms=0, took=0, service="edge", code=0, log_type="DownstreamStart"),
        access("edge", "e0", "", "e1", ms=0, took=10, service="edge"),
        proxy_span("edge", "egress", "e1", "e0", service="edge", ms=0, took=9, kind="client"),
    ]
    entries = timeline(rows).entries
    assert [entry.parent for entry in entries] == [None, 0, 0, 0]
    assert [entry.kind.value for entry in entries] == ["span", "access_log", "access_log", "span"]
    assert not any(entry.error for entry in entries)


@pytest.mark.parametrize("seconds", [-5.0, -0.003, 0.002, 5.0])
@pytest.mark.parametrize("service", ["edge", "cart", "payment"])
@pytest.mark.parametrize("sampled", [True, False])
def test_wrong_clocks_change_no_cause(seconds: float, service: str, sampled: bool) -> None:
    for rows in (shop.success(sampled=sampled), shop.retry(sampled=sampled)):
        assert _causes(shop.shifted(rows, service, seconds)) == _causes(rows)


def test_a_clock_behind_keeps_the_order_and_shows_as_negative_offset() -> None:
    rows = shop.shifted(shop.retry(sampled=False), "payment", -5)
    entries = timeline(rows).entries
    assert [entry.offset for entry in entries if entry.row.service == "payment"] == [
        -4_995_000_000,
        -4_993_000_000,
        -4_960_000_000,
        -4_958_000_000,
    ]
    assert entries[0].offset == 0
    assert timeline(rows).summary.duration == 60_000_000


def _causes(rows: list[Row]) -> set[tuple[str, str, str | None]]:
    entries = assemble(TRANSACTION, rows).entries
    return {
        (_label(entry.row), "" if entry.parent is None else _label(entries[entry.parent].row), entry.parent_by)
        for entry in entries
    }


def _without_places(summary: Summary) -> Summary:
    assert summary.verdict
    return replace(summary, verdict=replace(summary.verdict, entry=0, evidence=()))


def _is_proxy_span(row: Row) -> bool:
    return isinstance(row, SpanRow) and "weftline.proxy.role" in row.resource


def retried(*, sampled: bool, first_is_logged: bool = True) -> list[Row]:
    """`shop.retry` with the logs that `router.upstream_log` writes."""
    first = attempt("sidecar-outbound", "o1", number=1, ms=4.5, took=11, code=503) if first_is_logged else None
    second = attempt("sidecar-outbound", "o2", number=2, ms=39, took=12)
    return [*shop.retry(sampled=sampled), *filter(None, [first, second])]


def test_attempts_make_a_retry_exact_although_nothing_was_sampled() -> None:
    rows = retried(sampled=False)
    assert told(rows) == [
        "cart inbound 200",
        "  cart: checkout",
        "  cart outbound 200",
        "    cart attempt 1 503",
        "      payment inbound 503",
        "        payment: card service is busy",
        "    cart attempt 2 200",
        "      payment inbound 200",
        "        payment: charged",
        "  cart: paid",
    ]
    assert "inferred" not in {entry.parent_by for entry in timeline(rows).entries}
    without = timeline(shop.retry(sampled=False)).summary
    assert _without_places(timeline(rows).summary) == _without_places(without), "attempts are not requests"


def test_attempts_of_recorded_spans_stand_below_their_own() -> None:
    assert told(retried(sampled=True))[6:15] == [
        "        cart server o0",
        "          cart outbound 200",
        "          cart client o1",
        "            cart attempt 1 503",
        "            payment server p0",
        "              payment inbound 503",
        "              payment client p1",
        "                payment server b0",
        "                  payment: card service is busy",
    ]


def test_a_lost_attempt_is_inferred_as_without_any() -> None:
    assert told(retried(sampled=False, first_is_logged=False)) == [
        "cart inbound 200",
        "  cart: checkout",
        "  cart outbound 200",
        "    ~payment inbound 503",
        "      payment: card service is busy",
        "    cart attempt 2 200",
        "    payment inbound 200",
        "      payment: charged",
        "  cart: paid",
    ]


def test_the_only_attempt_of_a_request_is_a_leaf_and_not_another_hop() -> None:
    rows = [
        access("edge", "e0", "", "e1", ms=0, took=20, service="edge"),
        attempt("edge", "e1", number=1, ms=0.1, took=19, service="edge"),
        access("sidecar-inbound", "c0", "e1", "c1", ms=1, took=10),
    ]
    assert told(rows) == ["edge edge 200", "  edge attempt 1 200", "  cart inbound 200"]
    assert timeline(rows).summary.access_logs == 2


def test_attempts_of_two_calls_over_one_connection_are_told_apart_by_time() -> None:
    """A client that keeps its connection and sends the same x-request-id with both calls."""
    one, two = (access("sidecar-outbound", own, "a0", last, ms=ms, took=10, attempts=2) for own, last, ms in
                (("o0", "o2", 0), ("o5", "o7", 20)))  # fmt: skip
    rows = [
        one,
        two,
        attempt("sidecar-outbound", "o1", number=1, ms=1, code=503),
        attempt("sidecar-outbound", "o2", number=2, ms=5),
        attempt("sidecar-outbound", "o6", number=1, ms=21, code=503),
        attempt("sidecar-outbound", "o7", number=2, ms=25),
    ]
    entries = assemble(TRANSACTION, rows).entries
    requests = {
        e.row.upstream_span_id: (entries[e.parent].row.span_id, e.parent_by) for e in entries if e.parent is not None
    }
    assert requests == {
        sid("o1"): (sid("o0"), "span"),
        sid("o2"): (sid("o0"), "span"),
        sid("o6"): (sid("o5"), "span"),
        sid("o7"): (sid("o5"), "span"),
    }


def test_an_earlier_attempt_of_two_requests_at_once_is_a_guess() -> None:
    """HTTP/2: one connection, one x-request-id, both running."""
    rows = [
        access("sidecar-outbound", "o0", "a0", "o2", ms=0, took=50, attempts=2),
        access("sidecar-outbound", "o5", "a0", "o7", ms=5, took=30, attempts=2),
        attempt("sidecar-outbound", "o6", number=1, ms=6, code=503),
    ]
    assert told(rows) == ["cart outbound 200", "cart outbound 200", "  ~cart attempt 1 503"]


def test_attempts_of_other_proxies_or_without_their_request_stand_alone() -> None:
    rows = [
        access("sidecar-outbound", "o0", "a0", "o2", ms=0, took=50, attempts=2),
        attempt("sidecar-outbound", "o1", number=1, ms=6, code=503, service="payment"),
        attempt("sidecar-outbound", "o8", number=1, ms=7, code=503, connection="17"),
        access("sidecar-inbound", "p0", "o1", "p1", ms=8, service="payment"),
    ]
    assert told(rows) == ["cart outbound 200", "payment attempt 1 503", "cart attempt 1 503", "  payment inbound 200"]
