"""A request that is sent twice is stored once, whatever crashes in between."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.crashing import Crashes, CrashingWriter
from support.otlp import log, logs_request, span, spans_request
from weftline.collector.errors import TryLater
from weftline.collector.ingest.once import insert_once
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal

TX = "0af7651916cd43dd8448eb211c80319c"


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(
    st.lists(st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"bad 1", b"bad 2"]), max_size=6), max_size=4),
    st.integers(0, 24),
    st.booleans(),
)
def test_each_message_is_stored_once_whenever_it_crashes(
    batches: list[list[bytes]], crash_at: int, after: bool
) -> None:
    writer = CrashingWriter(Crashes(crash_at, after=after))
    for number, batch in enumerate(batches):
        while True:
            try:
                bad = insert_once(writer, Signal.SPANS, batch, f"t{number}").refused
            except TryLater:
                continue  # the same range again, as the next owner of the partition does it
            assert sorted(bad) == [index for index, message in enumerate(batch) if message.startswith(b"bad")]
            break
    good = sorted({message for batch in batches for message in batch if not message.startswith(b"bad")})
    assert writer.rows == (good, good)


def test_the_same_bytes_of_another_signal_are_another_message() -> None:
    writer = CrashingWriter(Crashes())
    insert_once(writer, Signal.SPANS, [b"a"], "1")
    insert_once(writer, Signal.LOGS, [b"a"], "2")
    assert writer.rows == ([b"a", b"a"], [b"a", b"a"])


@pytest.mark.clickhouse
def test_on_clickhouse_tables_and_views_show_each_request_once(
    store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    spans = [spans_request(span(TX, f"{n:016x}")) for n in range(1, 51)]
    logs = [logs_request(log(TX, "1" * 16, f"line {n}")) for n in range(20)]
    bad = spans_request(span("01", "b" * 16))
    assert list(insert_once(writer, Signal.SPANS, spans[:30], "1").refused) == []
    assert list(insert_once(writer, Signal.LOGS, logs, "2").refused) == []
    assert list(insert_once(writer, Signal.SPANS, [*spans, bad, *spans, bad], "3").refused) == [50, 101]
    assert list(insert_once(writer, Signal.SPANS, [*spans, bad, *spans, bad], "3").refused) == [50, 101]
    assert list(insert_once(writer, Signal.SPANS, spans, "4").refused) == []
    assert list(insert_once(writer, Signal.LOGS, logs[::-1], "5").refused) == []
    assert len(reader.transaction(TX, 1000)) == 70
    with connect(store) as client:
        assert client.execute("SELECT sum(spans), sum(logs) FROM transactions") == [(50, 20)]


@pytest.mark.clickhouse
def test_tens_of_thousands_of_messages_in_a_batch(writer: ClickHouseWriter) -> None:
    hashes = [n.to_bytes(16) for n in range(40_000)]
    writer.remember(hashes[::2], "before")
    writer.remember(hashes[::2], "before")
    assert writer.stored(set(hashes), "now") == set(hashes[::2])
    assert writer.stored(set(hashes), "before") == set()
    assert writer.stored(set(), "now") == set()
