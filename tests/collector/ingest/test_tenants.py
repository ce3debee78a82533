"""A tenant's messages on Kafka: their header says whose they are, each tenant's part of a batch is an insert of its own."""

import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from kafka.structs import OffsetAndMetadata

from support.access import tokens
from support.otlp import span, spans_request
from support.roles import Edge, Ingest, eventually
from weftline.collector.bus.kafka import connect_producer
from weftline.collector.bus.topics import TENANT, create_topics
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.ingest.replay import DeadLetterBox
from weftline.collector.ingest.tenants import insert_by_tenant, tenant_of
from weftline.collector.ingest.worker import connect_consumer
from weftline.collector.settings import ClickHouseSettings, KafkaSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.protocol import Signal
from weftline.deploy.local.kafka import Kafka


class Memory:
    """A writer in memory, as ClickHouse does it: a token wins over its data. Fails as often as it is told to."""

    def __init__(self) -> None:
        self.inserts: dict[str, tuple[str, list[bytes]]] = {}
        self.fail_at: set[str] = set()

    def insert(self, signal: Signal, messages: Sequence[bytes], token: str, tenant: str = "") -> None:
        if b"bad" in messages:
            raise BadMessage("bad")
        if token in self.fail_at:
            self.fail_at.remove(token)
            raise TryLater("away")
        self.inserts.setdefault(token, (tenant, list(messages)))

    def stored(self, hashes: object, token: str) -> set[bytes]:
        return set()

    def remember(self, hashes: Sequence[bytes], token: str) -> None: ...

    def check(self) -> None: ...

    def close(self) -> None: ...


def test_each_tenant_has_an_insert_of_its_own_and_one_alone_is_as_before() -> None:
    writer = Memory()
    assert insert_by_tenant(writer, Signal.SPANS, [b"1", b"2"], ["", ""], "t-0-1-2").refused == {}
    assert (
        insert_by_tenant(writer, Signal.SPANS, [b"1", b"2", b"3", b"2"], ["a", "b", "a", ""], "t-0-3-6").refused == {}
    )
    assert writer.inserts == {
        "t-0-1-2": ("", [b"1", b"2"]), "t-0-3-6": ("", [b"2"]), "t-0-3-6@a": ("a", [b"1", b"3"]), "t-0-3-6@b": ("b", [b"2"]),
    }  # fmt: skip


def test_what_is_bad_is_named_by_its_place_in_the_batch() -> None:
    writer = Memory()
    bad = insert_by_tenant(writer, Signal.SPANS, [b"1", b"bad", b"2", b"3"], ["b", "a", "a", "not a name"], "t").refused
    assert sorted(bad) == [1, 3]
    assert str(bad[3]) == "Header weftline.tenant is no tenant's name: 'not a name'."
    assert {it for _, them in writer.inserts.values() for it in them} == {b"1", b"2"}


def test_a_batch_that_broke_off_is_done_again_under_the_same_tokens() -> None:
    writer = Memory()
    writer.fail_at = {"t@b"}
    messages, whose = [b"1", b"2", b"3"], ["a", "b", "c"]
    with pytest.raises(TryLater):
        insert_by_tenant(writer, Signal.SPANS, messages, whose, "t")
    insert_by_tenant(writer, Signal.SPANS, messages, whose, "t")
    assert writer.inserts == {
        f"t@{tenant}": (tenant, [message]) for tenant, message in zip(whose, messages, strict=True)
    }


def test_what_headers_say() -> None:
    assert tenant_of([]) == ""
    assert tenant_of([("x", b"y"), (TENANT, b"shop")]) == "shop"
    assert tenant_of([(TENANT, b"\xff")]) == "\ufffd"


@pytest.fixture
def settings(kafka: Kafka) -> KafkaSettings:
    """A group of the test's own, which begins at the topics' present ends."""
    settings = KafkaSettings(bootstrap_servers=(kafka.bootstrap_servers,), group_id=f"test-{uuid.uuid4().hex[:8]}")
    create_topics(settings)
    consumer = connect_consumer(settings)
    from kafka import TopicPartition

    partitions = [TopicPartition(s.value, p) for s in Signal for p in consumer.partitions_for_topic(s.value)]
    consumer.assign(partitions)
    consumer.commit({tp: OffsetAndMetadata(end, "", -1) for tp, end in consumer.end_offsets(partitions).items()})
    consumer.close()
    return settings


@pytest.fixture
def ingest(tmp_path: Path, store: ClickHouseSettings, settings: KafkaSettings) -> Iterator[Ingest]:
    with Ingest(
        tmp_path, store, WEFTLINE_KAFKA_BOOTSTRAP_SERVERS=settings.bootstrap_servers[0],
        WEFTLINE_KAFKA_GROUP_ID=settings.group_id, WEFTLINE_INGEST_BATCH_SECONDS=0.2,
    ) as it:  # fmt: skip
        yield it


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_a_tenant_goes_through_kafka_and_back_from_the_dead_letters(
    tmp_path: Path, store: ClickHouseSettings, settings: KafkaSettings, ingest: Ingest
) -> None:
    made, transaction = tokens(tmp_path), uuid.uuid4().hex
    message = spans_request(span(transaction, "00000000000000a1"))
    more = {"WEFTLINE_ACCESS_TOKENS_FILE": made.file, "WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers[0]}
    with Edge(tmp_path, store, **more) as edge:
        for tenant in ("a", "b", "writer", "a"):
            headers = {"content-type": "application/x-protobuf", **made.bearer(tenant)}
            request = urllib.request.Request(edge.url("/v1/traces"), message, headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 200
    producer = connect_producer(settings)
    for tenant in (b"no name!", b"c"):
        producer.send(
            "otlp_spans", message if tenant == b"c" else b"\xff" + uuid.uuid4().bytes, headers=[(TENANT, tenant)]
        ).get(30)
    producer.close(10)

    def tenants() -> list[str]:
        with connect(store) as client:
            rows = client.execute(
                "SELECT toString(tenant) FROM spans WHERE transaction_id = unhex(%(id)s)", {"id": transaction}
            )
        return sorted(tenant for (tenant,) in rows)

    assert eventually(lambda: len(found := tenants()) == 4 and found, 60) == ["", "a", "b", "c"], (
        "a second time is none"
    )
    box = DeadLetterBox(settings)
    try:
        letter = eventually(lambda: next((it for it in box.letters() if it.tenant == "no name!"), None), 60)
        assert "is no tenant's name: 'no name!'" in letter.reason
    finally:
        box.close()
