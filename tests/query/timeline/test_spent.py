"""Where time went, and what left no record."""

from dataclasses import replace

from support import shop
from support.rows import MS, TRANSACTION, access, attempt, log, proxy_span, span
from weftline.collector.store.protocol import Row
from weftline.query.timeline import GapKind, Place, assemble

OUT, IN = "sidecar-outbound", "sidecar-inbound"


def path(rows: list[Row]) -> list[tuple[str, str, float, bool]]:
    timeline = assemble(TRANSACTION, rows)
    return [
        (piece.place.value, timeline.entries[piece.entry].row.service, (piece.end - piece.start) / MS, piece.inferred)
        for piece in timeline.path
    ]


def gaps(rows: list[Row]) -> list[tuple[GapKind, str]]:
    return [(gap.kind, gap.text) for gap in assemble(TRANSACTION, rows).gaps]


def test_going_back_from_the_end_the_request_waited_for_whoever_ended_last() -> None:
    rows = [
        span("root", "1", took=100),
        span("a", "2", "1", ms=10, took=30),
        span("b", "3", "1", ms=20, took=60),
        span("in b", "4", "3", ms=25, took=5),
    ]
    timeline = assemble(TRANSACTION, rows)
    names = [(timeline.entries[it.entry].row.span_id[-1], it.start // MS, it.end // MS) for it in timeline.path]
    assert names == [("1", 0, 10), ("2", 10, 20), ("3", 20, 25), ("4", 25, 30), ("3", 30, 80), ("1", 80, 100)]
    assert [entry.self_time // MS for entry in timeline.entries] == [30, 30, 55, 5]


def test_what_goes_on_after_the_answer_was_not_waited_for() -> None:
    assert path([span("root", "1", took=10), span("late", "2", "1", ms=5, took=500)]) == [
        ("service", "cart", 5, False),
        ("service", "cart", 5, False),
    ]


def test_a_proxys_access_log_does_not_hide_what_its_span_caused() -> None:
    rows: list[Row] = [
        proxy_span("edge", "ingress", "e1", took=100, service="edge", kind="server"),
        access("edge", "e1", "", "e2", took=99, service="edge"),
        proxy_span("edge", "egress", "e2", "e1", ms=10, took=80, service="edge", kind="client"),
        attempt("edge", "e2", number=1, ms=10, took=79, service="edge"),
        span("POST /", "c", "e2", ms=20, took=50, kind="server"),
    ]
    assert path(rows) == [
        ("proxy", "edge", 10, False),
        ("network", "edge", 10, True),
        ("service", "cart", 50, False),
        ("network", "edge", 20, True),
        ("proxy", "edge", 10, False),
    ]
    shares = assemble(TRANSACTION, rows).shares
    assert [(share.place, share.service, share.duration // MS) for share in shares] == [
        (Place.SERVICE, "cart", 50),
        (Place.NETWORK, "edge", 30),
        (Place.PROXY, "edge", 20),
    ]


def test_a_record_that_says_when_it_sent_on_tells_proxy_queue_and_network_apart() -> None:
    record = replace(
        access(OUT, "o", "a", "o1", took=100),
        time_to_first_upstream_tx_byte=30 * MS,
        time_to_last_upstream_rx_byte=90 * MS,
        connection_pool_ready_duration=20 * MS,
    )
    called = access(IN, "p", "o1", ms=40, took=40, service="payment")
    assert path([record, called]) == [
        ("proxy", "cart", 10, False),
        ("queue", "cart", 20, False),
        ("network", "cart", 10, True),
        ("proxy", "payment", 40, True),
        ("network", "cart", 10, True),
        ("proxy", "cart", 10, False),
    ]
    assert path([record])[2] == ("waiting", "cart", 60, True)


def test_a_record_that_says_only_how_long_it_waited_for_a_connection() -> None:
    record = replace(access(OUT, "o", "a", "o1", took=100), connection_pool_ready_duration=20 * MS)
    assert path([record]) == [("queue", "cart", 20, True), ("proxy", "cart", 80, True)]


def test_a_call_that_left_no_record_is_waited_for() -> None:
    assert path([span("GET /", "a", took=9), span("SELECT", "b", "a", ms=1, took=7, kind="client")]) == [
        ("service", "cart", 1, False),
        ("waiting", "cart", 7, True),
        ("service", "cart", 1, False),
    ]


def test_only_log_lines_have_no_path() -> None:
    timeline = assemble(TRANSACTION, [log("one"), log("two", ms=5)])
    assert (timeline.path, timeline.shares) == ((), ())
    assert assemble(TRANSACTION, []).path == ()


def test_a_service_that_logged_without_spans_is_named() -> None:
    rows = [span("GET /", "a", kind="server"), log("charging", "zz", service="payment")]
    assert gaps(rows) == [(GapKind.LOGGED_WITHOUT_SPANS, "payment logged but sent no spans")]


def test_a_request_that_was_sampled_out_everywhere_has_no_such_gap() -> None:
    assert gaps(shop.success(sampled=False)) == []
    assert gaps(shop.success()) == []


def test_a_service_that_only_its_proxy_saw_is_named() -> None:
    rows = [span("GET /", "a", kind="server"), access(IN, "p", "a", "p1", ms=1, service="payment")]
    text = "only its proxy saw payment: the application left neither span nor log line"
    assert gaps(rows) == [(GapKind.ONLY_PROXIES, text)]


def test_a_parent_that_nobody_recorded_is_named() -> None:
    rows = [span("a", "1", "99"), span("b", "2", "98", ms=1), span("c", "3", "98", ms=2, service="payment")]
    assert gaps(rows) == [
        (GapKind.MISSING_PARENT, "2 spans of cart name parents that nobody recorded (0000000000000099 and 1 more)"),
        (GapKind.MISSING_PARENT, "a span of payment names a parent that nobody recorded (0000000000000098)"),
    ]


def test_an_upstream_that_answered_and_recorded_nothing_is_named() -> None:
    rows: list[Row] = [
        access(OUT, f"o{n}", "", f"p{n}", ms=n, cluster="outbound|80||ledger.bank.svc") for n in range(2)
    ]
    text = "cart's outbound proxy called ledger.bank.svc 2 times, which recorded nothing"
    assert gaps(rows) == [(GapKind.SILENT_UPSTREAM, text)]
    assert gaps([replace(rows[0], response_code_details="upstream_reset")]) == []  # type: ignore[type-var]


def test_an_application_that_was_never_reached_is_no_gap() -> None:
    assert gaps(shop.upstream_down()) == []
