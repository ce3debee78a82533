"""Who calls whom, on a real ClickHouse: exact by ids, whatever order, batches and ways the ends came in."""

import random

import pytest

from support.otlp import START, access_log, logs_request, span, spans_request
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
SECOND = 10**9
HOUR = 3600 * SECOND
DAY = 24 * HOUR
WINDOW = (START - HOUR, START + HOUR)


def edges(reader: ClickHouseReader, since: int = WINDOW[0], until: int = WINDOW[1]) -> list[tuple[str, str, int, int]]:
    return [(it.caller, it.callee, it.calls, it.errors) for it in reader.dependencies(since, until)]


def spans_of(service: str, *ids: tuple[str, str], transaction: str = TX, time: int = START, **fields: object) -> bytes:
    """Spans (id, parent) of one service; ids are one letter each."""
    return spans_request(
        *(span(transaction, it * 16, parent=parent * 16, start=time, **fields) for it, parent in ids), service=service
    )


def test_a_call_to_another_service_is_an_edge_and_one_to_itself_is_not(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    writer.insert(
        Signal.SPANS,
        [
            spans_of("web", ("a", ""), ("b", "a"), ("1", "a")),
            spans_of("cart", ("c", "b"), ("d", "c"), duration=20_000_000),
            spans_of("ledger", ("e", "d"), status={"code": 2}),
        ],
        "t",
    )
    assert edges(reader) == [("cart", "ledger", 1, 1), ("web", "cart", 1, 0)]
    assert reader.dependencies(*WINDOW)[1].durations == pytest.approx([20_000_000] * 5, rel=0.011)


@pytest.mark.parametrize("seed", range(3))
def test_ends_meet_across_inserts_in_any_order(writer: ClickHouseWriter, reader: ClickHouseReader, seed: int) -> None:
    """Every span alone in an insert, callees before callers, with a span of the same service split from its parent."""
    messages = [
        spans_of(service, pair, transaction=f"{number:032x}")
        for number in range(1, 6)
        for service, pair in (("web", ("a", "")), ("web", ("b", "a")), ("cart", ("c", "b")), ("cart", ("d", "c")))
    ]
    random.Random(seed).shuffle(messages)
    for number, message in enumerate(messages):
        writer.insert(Signal.SPANS, [message], f"t{number}")
    assert edges(reader) == [("web", "cart", 5, 0)]


def test_rows_that_are_days_late_count_where_they_belong(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    early = START - 5 * DAY
    writer.insert(Signal.SPANS, [spans_of("web", ("a", ""), time=early)], "t1")
    writer.insert(Signal.SPANS, [spans_of("cart", ("b", "a"), time=START - 1)], "t2")
    writer.insert(Signal.SPANS, [spans_of("cart", ("c", "a"), time=early + SECOND)], "t3")
    assert edges(reader) == []
    assert edges(reader, early, early + HOUR) == [("web", "cart", 1, 0)]


def test_the_window_is_that_of_the_call(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    """The caller began before the window, in the hour before."""
    hour = START // HOUR * HOUR
    writer.insert(Signal.SPANS, [spans_of("web", ("a", ""), time=hour - 1)], "t1")
    writer.insert(Signal.SPANS, [spans_of("cart", ("b", "a"), time=hour), spans_of("cart", ("c", "a"), time=hour + SECOND)], "t2")  # fmt: skip
    assert edges(reader, hour, hour + SECOND) == [("web", "cart", 1, 0)]
    assert edges(reader, hour, hour + 2 * SECOND) == [("web", "cart", 2, 0)]
    assert edges(reader, hour - HOUR, hour) == []


def hop(service: str, own: str, arrived: str, sent: str, **fields: str) -> bytes:
    def traceparent(it: str) -> str:
        return f"00-{TX}-{it * 16}-00"

    sending = {"upstream_traceparent": traceparent(sent), "upstream_request_attempt_count": "1"} if sent else {}
    arriving = {"parent_traceparent": traceparent(arrived)} if arrived else {}
    record = access_log(
        TX, own * 16, response_code="200", method="GET", request_id="r", downstream_remote_address=f"{own}:1",
        downstream_local_address="x:2", **sending, **arriving, **fields,
    )  # fmt: skip
    return logs_request(record, service=service)


def test_proxies_alone_tell_the_way_of_a_request_that_was_sampled_out(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    """Nothing but access logs: edge → web's sidecars → cart's sidecar, where each hop names what it sent upstream."""
    hops = [hop("edge", "a", "", "b"), hop("web", "c", "b", "d"), hop("web", "e", "d", "f"), hop("cart", "1", "f", "2")]
    for number, message in enumerate(reversed(hops)):
        writer.insert(Signal.LOGS, [message], f"t{number}")
    assert edges(reader) == [("edge", "web", 1, 0), ("web", "cart", 1, 0)]


def test_a_hop_that_is_told_twice_is_one_edge(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    """By the proxy's own span and its access log, the log by two ways; spans of the application hang below."""
    edge, cart = hop("edge", "a", "", "b"), hop("cart", "c", "b", "d")
    writer.insert(Signal.LOGS, [edge, cart], "t1")
    writer.insert(Signal.LOGS, [hop("cart", "c", "b", "d", user_agent="by another way")], "t2")
    writer.insert(Signal.SPANS, [spans_of("cart", ("c", "b"), ("d", "c"))], "t3")
    writer.insert(Signal.SPANS, [spans_of("cart", ("e", "d")), spans_of("edge", ("a", ""), ("b", "a"))], "t4")
    assert edges(reader) == [("edge", "cart", 1, 0)]


def test_every_attempt_that_arrived_is_a_call(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    """A retry: the first attempt's id is in its own record only."""
    attempt = access_log(
        TX, "0" * 16, access_log_type="UpstreamEnd", upstream_traceparent=f"00-{TX}-{'b' * 16}-00",
        upstream_request_attempt_count="1", request_id="r",
    )  # fmt: skip
    writer.insert(Signal.LOGS, [logs_request(attempt, service="edge")], "t1")
    writer.insert(Signal.LOGS, [hop("edge", "a", "", "c"), hop("cart", "d", "b", ""), hop("cart", "e", "c", "")], "t2")
    assert edges(reader) == [("edge", "cart", 2, 0)]


def test_client_and_server_that_share_a_span_id_are_an_edge(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    """As Zipkin's B3 does."""
    writer.insert(Signal.SPANS, [spans_of("web", ("a", ""), ("b", "a")), spans_of("cart", ("b", "a"))], "t")
    assert edges(reader) == [("web", "cart", 1, 0)]


def test_a_large_transaction_counts_like_any_other(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    chain = [
        spans_request(
            *(span(TX, f"{n:016x}", parent=f"{n - 1:016x}" if n > 1 else "") for n in range(first, 20_001, 2)),
            service=service,
        )
        for first, service in ((1, "ping"), (2, "pong"))
    ]
    writer.insert(Signal.SPANS, chain, "t")
    assert edges(reader) == [("ping", "pong", 10_000, 0), ("pong", "ping", 9_999, 0)]


def test_a_transaction_of_a_hundred_thousand_spans_is_stored(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    """In one insert, each span the parent of the next: no comparing of all with all."""
    spans = [span(TX, f"{n:016x}", parent=f"{n - 1:016x}" if n > 1 else "") for n in range(1, 100_001)]
    writer.insert(Signal.SPANS, [spans_request(*spans, service="web"), spans_of("cart", ("c", ""))], "t")
    writer.insert(Signal.SPANS, [spans_request(span(TX, "d" * 16, parent=f"{70_000:016x}"), service="ledger")], "t2")
    assert edges(reader) == [("web", "ledger", 1, 0)]
