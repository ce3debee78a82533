"""Spans encoded here and spans that ClickHouse decodes are the same rows, on a real ClickHouse."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.otlp import START, attributes, span, spans_request
from support.otlp_random import mutated, request
from weftline.collector.errors import BadMessage
from weftline.collector.ingest.halve import insert_halving
from weftline.collector.metrics import NATIVE_BATCHES
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal, SpanEncoder

pytestmark = pytest.mark.clickhouse
QUARTER_HOUR = 900 * 10**9
"""ns"""

TX = "0af7651916cd43dd8448eb211c80319c"
_numbers = itertools.count()


@pytest.fixture
def native(store: ClickHouseSettings, encoder: SpanEncoder) -> Iterator[ClickHouseWriter]:
    with closing(ClickHouseWriter(store, spans=encoder)) as writer:
        yield writer


def take_rows(store: ClickHouseSettings) -> list[tuple]:
    """All rows of the table, which is empty afterwards. Bytes, as not every text is one."""
    with connect(store) as client:
        rows = client.execute("SELECT * FROM spans ORDER BY cityHash64(*)", settings={"strings_as_bytes": True})
        client.execute("TRUNCATE TABLE spans")
    return rows


def encoded() -> float:
    return NATIVE_BATCHES.labels("encoded")._value.get()


def same_rows(
    store: ClickHouseSettings,
    native: ClickHouseWriter,
    writer: ClickHouseWriter,
    messages: list[bytes],
    tenant: str = "",
) -> int:
    before = encoded()
    native.insert(Signal.SPANS, messages, f"native {next(_numbers)}", tenant)
    assert encoded() == before + 1
    ours = take_rows(store)
    writer.insert(Signal.SPANS, messages, f"clickhouse {next(_numbers)}", tenant)
    assert ours == take_rows(store)
    return len(ours)


@pytest.mark.parametrize("seed", range(4))
def test_of_whatever_is_encoded_the_rows_are_clickhouses(
    store: ClickHouseSettings, native: ClickHouseWriter, writer: ClickHouseWriter, encoder: SpanEncoder, seed: int
) -> None:
    chance = Random(seed)
    valid = [request(chance) for _ in range(150)]
    broken = [mutated(chance, it) for it in valid for _ in range(3)]
    taken = [it for it in valid if encoder.encode([it])]
    still = [it for it in broken if encoder.encode([it])]
    assert len(taken) > 80
    assert len(still) > 20
    messages = taken + still
    chance.shuffle(messages)
    assert same_rows(store, native, writer, messages, tenant="" if seed % 2 else "team-a") > 200


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    chance=st.randoms(use_true_random=False),
    tenant=st.sampled_from(["", "a", "shop.eu-1", "x" * 64]),
    broken=st.lists(st.booleans(), min_size=1, max_size=12),
)
def test_whatever_is_sent_the_rows_are_clickhouses(
    store: ClickHouseSettings,
    native: ClickHouseWriter,
    writer: ClickHouseWriter,
    encoder: SpanEncoder,
    chance: Random,
    tenant: str,
    broken: list[bool],
) -> None:
    """As above, in batches that Hypothesis makes smaller when one differs."""
    messages = [mutated(chance, request(chance)) if it else request(chance) for it in broken]
    if taken := [it for it in messages if encoder.encode([it])]:
        same_rows(store, native, writer, taken, tenant)


def test_every_kind_of_value_is_encoded(
    store: ClickHouseSettings, native: ClickHouseWriter, writer: ClickHouseWriter
) -> None:
    values = {
        "text": "ä\"\\", "zero": 0, "negative": -7, "false": False, "half": 0.5, "list": ['a"b', "c/\u2028", 1.5, None, [1]],
        "map": {"k": "v", "n": -1, "deep": {"a": 1}}, "empty list": [], "empty map": {}, "bytes": b"\x00\xff",
        "nothing": None, "http.request.header.cookie": "s3cret", "url.full": "https://me:pw@shop/?a=1&Token=x#t",
    }  # fmt: skip
    message = spans_request(
        span(
            TX, "b7ad6b7169203331", parent="00f067aa0ba902b7", trace_state="a=1", flags=257, attributes=values,
            status={"code": 2, "message": "declined"},
            events=[{"name": "exception", "time_unix_nano": START + 5, "attributes": attributes(values)}],
            links=[{"trace_id": b"\x01" * 16, "span_id": b"\x01" * 8, "attributes": attributes(values)}, {}],
        ),
        span(TX, "b7ad6b7169203332", duration=-1, kind=0),
    )  # fmt: skip
    assert same_rows(store, native, writer, [message, b"", message]) == 4


def test_more_texts_than_sixteen_bits_and_values_of_any_size(
    store: ClickHouseSettings, native: ClickHouseWriter, writer: ClickHouseWriter
) -> None:
    spans = [span(TX, f"{n:016x}", name=f"GET /{n}", attributes={f"k{n}": n}) for n in range(1, 70_001)]
    large = [
        span(TX, f"f{n:015x}", attributes={"t": "x" * n, "j": ["\x01" * n]}) for n in (1, 127, 128, 16_384, 3_000_000)
    ]
    assert same_rows(store, native, writer, [spans_request(*spans, host="h"), spans_request(*large)]) == 70_005


@pytest.mark.parametrize(
    "wrong",
    [{"trace_id": b""}, {"trace_id": bytes(16)}, {"trace_id": b"1" * 15}, {"span_id": bytes(8)}, {"span_id": b"1" * 9}],
)
def test_an_invalid_span_fails_its_message_alone(
    native: ClickHouseWriter, reader: ClickHouseReader, wrong: dict[str, bytes]
) -> None:
    bad = span(TX, "b" * 16)
    for field, content in wrong.items():
        setattr(bad, field, content)
    good = [spans_request(span(TX, f"{n:016x}")) for n in (1, 2, 3)]
    messages = [good[0], spans_request(bad), *good[1:]]
    refused = insert_halving(native, Signal.SPANS, messages, "t")
    assert list(refused) == [1]
    assert isinstance(refused[1], BadMessage)
    assert len(reader.transaction(TX, 10)) == 3


@pytest.mark.parametrize("tenant", ["", "team-a"])
@pytest.mark.parametrize("first_native", [True, False])
def test_a_token_is_one_insert_whichever_way_it_goes(
    store: ClickHouseSettings, native: ClickHouseWriter, writer: ClickHouseWriter, first_native: bool, tenant: str
) -> None:
    """Of no table more rows, also of those that views fill: a range that is inserted again after a crash, an upgrade or
    a change of settings may go the other way. Two days are two parts, each known by itself."""
    messages = [
        spans_request(
            span(TX, "a" * 16, attributes={"weftline.alias": "order-7", "n": 1}),
            span(TX, "b" * 16, parent="c" * 16, start=START + 86_400_000_000_000),
        )
    ]
    with connect(store) as client:
        tables = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
        names = [name for (name,) in client.execute(tables)]
        for name in names:
            client.execute(f"SYSTEM STOP MERGES {store.database}.{name}")

        def rows() -> dict[str, int]:
            return {name: client.execute(f"SELECT count() FROM {name}")[0][0] for name in names}

        first, second = (native, writer) if first_native else (writer, native)
        empty, before = rows(), encoded()
        first.insert(Signal.SPANS, messages, "t", tenant)
        once = rows()
        second.insert(Signal.SPANS, messages, "t", tenant)
        assert rows() == once
        assert encoded() == before + 1
        grown = {name for name in names if once[name] > empty[name]}
        assert grown >= {"spans", "transactions", "aliases", "services", "operations", "half_edges", "span_metrics"}


@pytest.mark.parametrize("first_native", [True, False])
def test_what_a_killed_insert_lacks_is_added_by_the_other_way(
    store: ClickHouseSettings, native: ClickHouseWriter, writer: ClickHouseWriter, first_native: bool
) -> None:
    messages = [spans_request(span(TX, f"{n:016x}")) for n in (1, 2)]
    first, second = (native, writer) if first_native else (writer, native)
    with connect(store) as client:
        client.execute("DETACH TABLE span_metrics_from_spans")  # as if killed before that view had its rows
        first.insert(Signal.SPANS, messages, "t")
        client.execute("ATTACH TABLE span_metrics_from_spans")
        second.insert(Signal.SPANS, messages, "t")
        assert client.execute("SELECT count() FROM spans") == [(2,)]
        assert client.execute("SELECT sum(spans) FROM transactions") == [(2,)]
        assert client.execute("SELECT sum(calls) FROM span_metrics") == [(2,)]


def test_a_batch_is_one_block(store: ClickHouseSettings, native: ClickHouseWriter) -> None:
    """Also one larger than a block of the default size, over two days."""
    spans = [span(TX, f"{n:016x}", start=START + n % 2 * 86_400_000_000_000) for n in range(1, 70_001)]
    for _ in range(2):
        native.insert(Signal.SPANS, [spans_request(*spans)], "t")
    with connect(store) as client:
        parts = client.execute(
            "SELECT rows FROM system.parts WHERE database = currentDatabase() AND table = 'spans' AND level = 0"
        )
        assert parts == [(35_000,), (35_000,)]


@pytest.mark.parametrize(("step", "quarters"), [(1, 1), (QUARTER_HOUR // 4, 3)])
def test_rows_come_in_the_order_of_the_table(
    store: ClickHouseSettings, encoder: SpanEncoder, step: int, quarters: int
) -> None:
    """Else ClickHouse would sort them. Of three ids that differ in their first, their last byte; from several requests."""
    from weftline.collector.store.native.columns import Column

    chance = Random(2)
    ids = ["00" * 15 + "01", "00" * 15 + "ff", "ff" + "00" * 15]
    messages = [
        spans_request(
            *(
                span(chance.choice(ids), f"{chance.randrange(1, 2**63):016x}", start=START + chance.randrange(9) * step)
                for _ in range(20)
            )
        )
        for _ in range(10)
    ]
    block = encoder.encode(messages)
    assert block is not None
    transactions, times = (b"".join(map(bytes, block.plain(it))) for it in (Column.TRANSACTION_ID, Column.TIME))
    rows = [
        (time // QUARTER_HOUR, transactions[16 * row : 16 * row + 16], time)
        for row in range(200)
        for time in [int.from_bytes(times[8 * row : 8 * row + 8], "little")]
    ]
    assert len({transaction for _, transaction, _ in rows}) == 3
    assert len({quarter for quarter, *_ in rows}) == quarters
    assert rows == sorted(rows)
    with connect(store) as client:
        key = "SELECT sorting_key FROM system.tables WHERE name = 'spans' AND database = currentDatabase()"
        assert client.execute(key) == [("intDiv(toUnixTimestamp64Nano(time), 900000000000), transaction_id, time",)]


def test_what_is_sent_is_typed_as_the_table(store: ClickHouseSettings, encoder: SpanEncoder) -> None:
    """Else ClickHouse would convert each column."""
    block = encoder.encode([spans_request(span(TX, "b" * 16))])
    assert block is not None
    head = b"".join(bytes(it) for it in block.pieces())
    with connect(store) as client:
        columns = client.execute(
            "SELECT name, type FROM system.columns WHERE table = 'spans' AND database = currentDatabase()"
        )
    assert head[0] == len(columns)
    for name, kind in columns:
        assert bytes([len(name)]) + name.encode() + bytes([len(kind)]) + kind.encode() in head, name
