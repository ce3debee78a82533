"""Transactions that are large, deep, wide, out of order or have skewed clocks, through the real ingest and back out."""

import random
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.kafka_groups import begin_at_the_ends
from support.otlp import START, span, spans_request
from support.roles import Ingest, eventually
from weftline.collector.bus.kafka import connect_producer
from weftline.collector.bus.topics import create_topics
from weftline.collector.settings import ClickHouseSettings, KafkaSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.protocol import Signal, SpanRow
from weftline.deploy.local.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse]

HOUR = 3_600_000_000_000
Transaction = Callable[[str], Sequence[Span]]


def hundred_thousand(id_: str) -> Sequence[Span]:
    return [
        span(id_, f"{n:016x}", parent=f"{max(1, n // 10):016x}" if n > 1 else "", start=START + n)
        for n in range(1, 100_001)
    ]


def deep(id_: str) -> Sequence[Span]:
    """A chain of 10,000 levels."""
    return [span(id_, f"{n:016x}", parent=f"{n - 1:016x}" if n > 1 else "", start=START + n) for n in range(1, 10_001)]


def wide(id_: str) -> Sequence[Span]:
    """One span that called 10,000 others."""
    return [span(id_, f"{n:016x}", parent=f"{1:016x}" if n > 1 else "", start=START + n) for n in range(1, 10_001)]


def out_of_order(id_: str) -> Sequence[Span]:
    """Leaves first, the root last, and days late."""
    spans = [*deep(id_)[:500]]
    random.Random(1).shuffle(spans)
    spans[250].start_time_unix_nano -= 72 * HOUR
    spans[250].end_time_unix_nano -= 72 * HOUR
    return spans


def skewed(id_: str) -> Sequence[Span]:
    """Every host's clock is hours off, one stands at the epoch, one is in the next century."""
    spans = [
        span(id_, f"{n:016x}", parent=f"{n - 1:016x}" if n > 1 else "", start=START + (n % 7 - 3) * HOUR)
        for n in range(1, 101)
    ]
    for it, start in ((spans[10], 1), (spans[20], 4_200_000_000 * 10**9)):
        it.start_time_unix_nano, it.end_time_unix_nano = start, start + 5
    return spans


@pytest.mark.parametrize("transaction", [hundred_thousand, deep, wide, out_of_order, skewed])
def test_it_is_whole(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader, kafka: Kafka, transaction: Transaction
) -> None:
    settings = KafkaSettings(bootstrap_servers=(kafka.bootstrap_servers,), group_id=f"test-{uuid.uuid4().hex[:8]}")
    create_topics(settings)
    begin_at_the_ends(settings)
    id_ = uuid.uuid4().hex
    spans = transaction(id_)
    producer = connect_producer(settings)
    for first in range(0, len(spans), 5_000):
        message = spans_request(*spans[first : first + 5_000])
        for _ in range(2 if first == 0 else 1):  # the first part twice
            producer.send(Signal.SPANS.value, message, key=id_.encode()).get(timeout=30)
    producer.close()
    more = {"WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "WEFTLINE_KAFKA_GROUP_ID": settings.group_id}

    def counted() -> int:
        with connect(store) as client:
            return client.execute(
                "SELECT sum(spans) FROM transactions WHERE transaction_id = unhex(%(id)s)", {"id": id_}
            )[0][0]

    with Ingest(tmp_path, store, WEFTLINE_INGEST_BATCH_SECONDS=0.2, **more):
        eventually(lambda: counted() >= len(spans), 120)
    assert counted() == len(spans)
    rows = reader.transaction(id_, len(spans) + 1)
    assert len(rows) == len(spans)
    assert all(isinstance(row, SpanRow) for row in rows)
    assert [row.time for row in rows] == sorted(it.start_time_unix_nano for it in spans)
    parents = {it.span_id.hex(): it.parent_span_id.hex() for it in spans}
    assert {row.span_id: row.parent_span_id for row in rows if isinstance(row, SpanRow)} == parents
