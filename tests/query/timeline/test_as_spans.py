"""Rows of one transaction as spans: where each record and each line goes, and what the made spans say of themselves."""

from dataclasses import replace
from random import Random

import pytest

from support import shop
from support.rows import MS, TRANSACTION, access, at, attempt, log, proxy_span, sid, span
from weftline.collector.store.protocol import Row, SpanRow
from weftline.query.timeline.as_spans import PARENT_BY, SPAN_FROM, as_spans


def tree(rows: list[Row]) -> list[str]:
    """``child < parent`` of every span, in order of time."""
    spans = as_spans(TRANSACTION, rows)
    return [f"{one.span_id.lstrip('0')} < {one.parent_span_id.lstrip('0')}" for one in spans]


def by_id(rows: list[Row]) -> dict[str, SpanRow]:
    return {one.span_id.lstrip("0"): one for one in as_spans(TRANSACTION, rows)}


def test_no_rows_are_no_spans() -> None:
    assert as_spans(TRANSACTION, []) == []


def test_recorded_spans_stay_and_carry_the_records_and_lines() -> None:
    rows = shop.success()
    spans = by_id(rows)
    recorded = [row for row in rows if isinstance(row, SpanRow)]
    assert len(spans) == len(recorded)
    for row in recorded:
        assert replace(spans[row.span_id.lstrip("0")], events=()) == replace(row, events=())
    assert [event.name for event in spans["e0"].events] == ["access_log"]
    assert spans["e0"].events[0].time == at(40)
    assert spans["e0"].events[0].attributes["http.response.status_code"] == "200"
    assert [event.attributes["message"] for event in spans["a0"].events] == [
        "checkout order=4711",
        "order 4711 is paid",
    ]
    assert spans["a0"].events[0].attributes["level"] == "INFO"


def test_records_of_a_sampled_out_request_are_spans_in_causal_order() -> None:
    rows = shop.success(sampled=False)
    assert tree(rows) == ["e0 < ", "c0 < e0", "o0 < c0", "p0 < o0"]
    spans = by_id(rows)
    assert spans["c0"].name == "POST /checkout"
    assert (spans["c0"].service, spans["c0"].kind, spans["c0"].status) == ("cart", "server", "unset")
    assert spans["c0"].attributes[SPAN_FROM] == "access_log"
    assert spans["c0"].attributes["weftline.proxy.role"] == "sidecar-inbound"
    assert [event.attributes["message"] for event in spans["p0"].events] == ["charging 12.50 EUR", "charged"]


def test_a_span_below_an_unrecorded_proxy_hangs_below_its_record() -> None:
    rows = [access("sidecar-inbound", "c0", "", "c1", took=9), span("POST", "a0", "c1", ms=1, kind="server")]
    assert tree(rows) == ["c0 < ", "a0 < c0"]


def test_a_parent_that_nobody_knows_stays_as_it_was_sent() -> None:
    assert tree([span("x", "a", "dead"), log("line", "a")]) == ["a < dead"]


def test_attempts_are_spans_between_the_request_and_what_it_reached() -> None:
    rows = [
        access("sidecar-outbound", "o0", "", "o2", took=30, attempts=2),
        attempt("sidecar-outbound", "o1", number=1, ms=1, took=5, code=503, flags="UF"),
        attempt("sidecar-outbound", "o2", number=2, ms=10, took=15),
        access("sidecar-inbound", "p0", "o2", "p1", ms=11, took=12, service="payment"),
    ]
    assert tree(rows) == ["o0 < ", "o1 < o0", "o2 < o0", "p0 < o2"]
    first = by_id(rows)["o1"]
    assert (first.kind, first.status, first.attributes[SPAN_FROM]) == ("client", "error", "attempt")
    assert first.status_message
    assert first.attributes["upstream_request_attempt_count"] == "1"


def test_an_only_attempt_carries_on_the_chain() -> None:
    rows = [
        access("sidecar-outbound", "o0", "", "o1", took=30),
        attempt("sidecar-outbound", "o1", number=1, ms=1, took=25),
        access("sidecar-inbound", "p0", "o1", "p1", ms=11, took=12, service="payment"),
    ]
    assert tree(rows) == ["o0 < ", "o1 < o0", "p0 < o1"]


def test_an_attempt_with_a_recorded_client_span_is_its_event() -> None:
    rows = [
        proxy_span("sidecar-outbound", "ingress", "o0", took=30, kind="server"),
        access("sidecar-outbound", "o0", "", "o1", took=30),
        proxy_span("sidecar-outbound", "egress", "o1", "o0", ms=1, took=25, kind="client"),
        attempt("sidecar-outbound", "o1", number=1, ms=1, took=25),
    ]
    spans = by_id(rows)
    assert set(spans) == {"o0", "o1"}
    assert [event.name for event in spans["o1"].events] == ["attempt"]


def test_what_is_inferred_says_so() -> None:
    rows = [
        access("sidecar-inbound", "c0", "", "c1", took=30),
        access("sidecar-outbound", "o0", "", "o1", ms=5, took=5),
    ]
    spans = by_id(rows)
    assert spans["o0"].parent_span_id == sid("c0")
    assert spans["o0"].attributes[PARENT_BY] == "inferred"
    assert PARENT_BY not in spans["c0"].attributes


def test_lines_that_belong_to_nothing_are_one_span_a_service() -> None:
    rows = [log("one", ms=1), log("two", ms=5, level="ERROR"), log("other", ms=2, service="payment")]
    cart, payment = as_spans(TRANSACTION, rows)
    assert (cart.service, cart.name, cart.status, cart.time, cart.duration) == (
        "cart",
        "log lines",
        "error",
        at(1),
        4 * MS,
    )
    assert [event.attributes["message"] for event in cart.events] == ["one", "two"]
    assert (payment.status, payment.attributes) == ("unset", {SPAN_FROM: "log"})


def test_a_record_without_an_id_of_its_own_gets_one_that_stays_the_same() -> None:
    row = access("edge", "", log_type="TcpConnectionEnd")
    (one,) = as_spans(TRANSACTION, [row])
    assert len(one.span_id) == 16
    assert as_spans(TRANSACTION, [row, log("x")])[0].span_id == one.span_id


def test_two_records_with_one_id_are_two_spans() -> None:
    rows = [access("edge", "e0", took=5), access("gateway", "e0", ms=1, service="gate")]
    assert len({one.span_id for one in as_spans(TRANSACTION, rows)}) == 2


def test_a_client_that_left_is_an_error_with_code_0() -> None:
    (one,) = as_spans(TRANSACTION, [access("edge", "e0", code=0, flags="DC", details="")])
    assert (one.status, one.status_message) == ("error", "client left before the response")
    assert one.attributes["http.response.status_code"] == "0"


def test_spans_of_a_trace_within_the_transaction_have_its_id() -> None:
    rows = [span("x", "a", transaction="b" * 32), access("edge", "e0")]
    assert {one.transaction_id for one in as_spans(TRANSACTION, rows)} == {TRANSACTION}


STORIES = [
    shop.success(), shop.success(sampled=False), shop.retry(), shop.retry(sampled=False), shop.no_route(),
    shop.upstream_down(), shop.timeout(), shop.laptop(),
]  # fmt: skip


@pytest.mark.parametrize("rows", STORIES)
def test_every_row_is_there_once_and_the_order_of_rows_does_not_matter(rows: list[Row]) -> None:
    spans = as_spans(TRANSACTION, rows)
    made = sum(SPAN_FROM in one.attributes for one in spans)
    events = sum(len(one.events) for one in spans)
    carriers = sum(one.attributes.get(SPAN_FROM) == "log" for one in spans)
    recorded = sum(len(row.events) for row in rows if isinstance(row, SpanRow))
    recorded_spans = sum(isinstance(row, SpanRow) for row in rows)
    assert len(spans) == recorded_spans + made
    assert recorded_spans + made - carriers + events - recorded == len(rows)
    assert len({one.span_id for one in spans}) == len(spans)
    shuffled = list(rows)
    Random(7).shuffle(shuffled)
    again = as_spans(TRANSACTION, shuffled)
    assert sorted(map(repr, again)) == sorted(map(repr, spans))


@pytest.mark.parametrize("rows", STORIES)
def test_no_span_is_its_own_ancestor(rows: list[Row]) -> None:
    parents = {one.span_id: one.parent_span_id for one in as_spans(TRANSACTION, rows)}
    for start in parents:
        at_, steps = start, 0
        while at_ in parents:
            at_, steps = parents[at_], steps + 1
            assert steps <= len(parents)
