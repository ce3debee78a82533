"""Edge → real Apache Kafka → ingest → real ClickHouse: nothing lost, nothing doubled, nothing that stops the line."""

import json
import os
import signal
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from support import als
from support.kafka_groups import begin_at_the_ends
from support.otlp import access_log, log, logs_request, span, spans_request
from support.roles import Edge, Ingest, eventually, metrics
from weftline.collector.bus.kafka import connect_producer
from weftline.collector.bus.topics import DEAD_LETTERS, create_topics, topics
from weftline.collector.edge.envoy_als import SERVICE
from weftline.collector.ingest.offsets import fixed_range
from weftline.collector.ingest.worker import connect_consumer
from weftline.collector.settings import ClickHouseSettings, KafkaSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.deploy.local.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse]


@pytest.fixture
def transaction() -> str:
    """Tests share the topics: each looks only at its own transaction."""
    return uuid.uuid4().hex


@pytest.fixture
def settings(kafka: Kafka) -> KafkaSettings:
    """A group of the test's own, which begins at the topics' present ends."""
    settings = KafkaSettings(bootstrap_servers=(kafka.bootstrap_servers,), group_id=f"test-{uuid.uuid4().hex[:8]}")
    create_topics(settings)
    begin_at_the_ends(settings)
    return settings


@pytest.fixture
def start_ingest(tmp_path: Path, store: ClickHouseSettings, settings: KafkaSettings) -> Iterator[Callable[..., Ingest]]:
    started: list[Ingest] = []

    def start(**more: object) -> Ingest:
        ingest = Ingest(
            tmp_path,
            store,
            WEFTLINE_KAFKA_BOOTSTRAP_SERVERS=settings.bootstrap_servers[0],
            WEFTLINE_KAFKA_GROUP_ID=settings.group_id,
            WEFTLINE_INGEST_BATCH_SECONDS=0.2,
            **more,
        )
        ingest.start()
        ingest.wait_ready()
        started.append(ingest)
        return ingest

    yield start
    for ingest in started:
        ingest.stop()


@pytest.fixture
def edge(tmp_path: Path, store: ClickHouseSettings, settings: KafkaSettings) -> Iterator[Edge]:
    with Edge(tmp_path, store, WEFTLINE_KAFKA_BOOTSTRAP_SERVERS=settings.bootstrap_servers[0]) as edge:
        yield edge
    assert edge.exit_code == 0, edge.tail()


def post(edge: Edge, path: str, body: bytes) -> None:
    request = urllib.request.Request(edge.url(path), data=body, headers={"Content-Type": "application/x-protobuf"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def counted(store: ClickHouseSettings, transaction: str) -> tuple[int, int]:
    """(spans by table, spans by view)"""
    with connect(store) as client:
        [row] = client.execute(
            "SELECT (SELECT count() FROM spans WHERE transaction_id = unhex(%(id)s)), "
            "(SELECT sum(spans) FROM transactions WHERE transaction_id = unhex(%(id)s))",
            {"id": transaction},
        )
    return row


def test_what_the_edge_accepts_arrives(
    edge: Edge, start_ingest: Callable[..., Ingest], reader: ClickHouseReader, transaction: str
) -> None:
    post(edge, "/v1/traces", spans_request(*(span(transaction, f"{n:016x}") for n in range(1, 6))))
    post(edge, "/v1/logs", logs_request(log(transaction, "1" * 16, "hello")))
    ingest = start_ingest()
    eventually(lambda: len(reader.transaction(transaction, 100)) == 6)
    ingest.stop()
    assert ingest.exit_code == 0, ingest.tail()


def test_grpc_access_logs_go_the_same_way(
    edge: Edge, start_ingest: Callable[..., Ingest], reader: ClickHouseReader, transaction: str
) -> None:
    """Messages of several streams are one batch, each with its stream's identifier."""
    for node in ("a", "b"):
        entries = (
            als.http_entry(als.common(stream_id=f"{node}{n}", tags={"trace_id": transaction, "span_id": f"{n:016x}"}))
            for n in range(1, 4)
        )
        first, *later = entries
        messages = [als.http_message(first, who=als.identifier(node)), *(als.http_message(entry) for entry in later)]
        with grpc.insecure_channel(f"127.0.0.1:{edge.grpc_port}") as channel:
            channel.stream_unary(f"/{SERVICE}/StreamAccessLogs")(iter(messages), timeout=30)
    start_ingest()
    rows = eventually(lambda: len(found := reader.transaction(transaction, 100)) == 6 and found)
    assert sorted((row.node_id, row.stream_id) for row in rows) == [(n, f"{n}{i}") for n in "ab" for i in (1, 2, 3)]


def test_a_bad_message_is_put_aside_with_its_reason_and_its_neighbours_land(
    start_ingest: Callable[..., Ingest], store: ClickHouseSettings, settings: KafkaSettings, transaction: str
) -> None:
    """The edge would refuse it; any other producer may write the topic."""
    producer = connect_producer(settings)
    bad = spans_request(span("01", "b" * 16), **{"weftline.test": transaction})
    for n in range(1, 21):
        producer.send(Signal.SPANS.value, spans_request(span(transaction, f"{n:016x}")), partition=0)
        if n == 7:
            where = producer.send(Signal.SPANS.value, bad, partition=0).get(timeout=30)
    producer.flush()
    producer.close()
    ingest = start_ingest()
    eventually(lambda: counted(store, transaction) == (20, 20))

    letters = KafkaConsumer(
        DEAD_LETTERS,
        bootstrap_servers=list(settings.bootstrap_servers),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=10_000,
    )
    letter = next(record for record in letters if record.value == bad)
    letters.close()
    headers = {name: text.decode() for name, text in letter.headers}
    assert "trace_id is not 16 bytes" in headers.pop("weftline.reason")
    assert headers == {
        "weftline.topic": "otlp_spans",
        "weftline.partition": "0",
        "weftline.offset": str(where.offset),
    }
    eventually(
        lambda: (
            metrics(ingest.metrics_port).get('weftline_messages_total{outcome="dead_lettered",signal="otlp_spans"}')
            == 1
        )
    )


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_other_producers_may_compress(
    start_ingest: Callable[..., Ingest],
    store: ClickHouseSettings,
    settings: KafkaSettings,
    transaction: str,
    compression: str,
) -> None:
    producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap_servers), compression_type=compression)
    message = spans_request(span(transaction, "b" * 16, attributes={"padding": "x" * 10_000}))
    producer.send(Signal.SPANS.value, message)
    producer.flush()
    producer.close()
    start_ingest()
    eventually(lambda: counted(store, transaction) == (1, 1))


def test_json_on_the_topic_is_stored_and_bad_json_put_aside(
    start_ingest: Callable[..., Ingest], store: ClickHouseSettings, settings: KafkaSettings, transaction: str
) -> None:
    """As an OpenTelemetry Collector's kafka exporter writes it with `encoding: otlp_json`."""
    producer = connect_producer(settings)
    for n in range(1, 6):
        it = {"traceId": transaction, "spanId": f"{n:016x}", "name": "work", "startTimeUnixNano": "1795000000000000000"}
        document = {"resourceSpans": [{"scopeSpans": [{"spans": [it]}]}]}
        producer.send(Signal.SPANS.value, json.dumps(document).encode(), partition=0)
        producer.send(Signal.SPANS.value, spans_request(span(transaction, f"{n + 100:016x}")), partition=0)
        if n == 3:
            producer.send(Signal.SPANS.value, b'{"resourceSpans": "%s"}' % transaction.encode(), partition=0)
    producer.flush()
    producer.close()
    ingest = start_ingest()
    eventually(lambda: counted(store, transaction) == (10, 10))
    counts = eventually(lambda: outcomes(ingest) if outcomes(ingest)[1] else None)
    assert counts == (10, 1), "stored, dead-lettered"


def outcomes(ingest: Ingest) -> tuple[float, float]:
    """(messages stored, dead-lettered)"""
    of = metrics(ingest.metrics_port)
    stored, put_aside = (
        of.get(f'weftline_messages_total{{outcome="{it}",signal="otlp_spans"}}', 0)
        for it in ("stored", "dead_lettered")
    )
    return stored, put_aside


def test_killed_ingest_loses_and_doubles_nothing(
    edge: Edge, start_ingest: Callable[..., Ingest], store: ClickHouseSettings, transaction: str
) -> None:
    """kill -9 while messages stream in, five times."""
    sent = 0
    for _ in range(5):
        ingest = start_ingest()
        for _ in range(40):
            sent += 1
            post(edge, "/v1/traces", spans_request(span(transaction, f"{sent:016x}")))
            if sent % 40 == 25:
                assert ingest.pid is not None
                ingest._child.kill()  # type: ignore[union-attr]
                ingest.wait(10)
    start_ingest()
    eventually(lambda: min(counted(store, transaction)) >= sent, 60)
    assert counted(store, transaction) == (sent, sent)


def test_a_request_sent_again_is_stored_once(
    edge: Edge, start_ingest: Callable[..., Ingest], store: ClickHouseSettings, transaction: str
) -> None:
    """Its answer was lost, so the sender sends it again: at once, and after ingest was killed and started anew."""
    bodies = [spans_request(span(transaction, f"{n:016x}"), span("1" * 32, f"{n:016x}")) for n in range(1, 11)]
    ingest = start_ingest()
    for body in [*bodies, *bodies]:
        post(edge, "/v1/traces", body)
    eventually(lambda: min(counted(store, transaction)) >= 10)
    assert ingest.pid is not None
    ingest._child.kill()  # type: ignore[union-attr]
    ingest.wait(10)
    for body in bodies:
        post(edge, "/v1/traces", body)
    post(edge, "/v1/traces", spans_request(span(transaction, "f" * 16)))
    ingest = start_ingest()
    key = 'weftline_messages_total{outcome="duplicate",signal="otlp_spans"}'
    eventually(lambda: min(counted(store, transaction)) >= 11 and metrics(ingest.metrics_port).get(key, 0) >= 10, 60)
    assert counted(store, transaction) == (11, 11)


def test_killed_edges_and_senders_that_try_again_double_nothing(
    tmp_path: Path,
    start_ingest: Callable[..., Ingest],
    store: ClickHouseSettings,
    settings: KafkaSettings,
    transaction: str,
) -> None:
    """kill -9 while senders wait for their answers; each sends again what it has no answer for."""
    start_ingest()
    waiting = [spans_request(span(transaction, f"{n:016x}")) for n in range(1, 201)]

    def answered(edge: Edge, body: bytes) -> bool:
        try:
            post(edge, "/v1/traces", body)
        except OSError:
            return False
        return True

    for number in range(6):
        folder = tmp_path / str(number)
        with (
            Edge(folder, store, WEFTLINE_KAFKA_BOOTSTRAP_SERVERS=settings.bootstrap_servers[0]) as edge,
            ThreadPoolExecutor(8) as pool,
        ):
            sent = [(body, pool.submit(answered, edge, body)) for body in waiting]
            if number < 5:
                sent[20][1].result()
                assert edge.pid is not None
                os.kill(edge.pid, signal.SIGKILL)
            waiting = [body for body, answer in sent if not answer.result()]
    assert waiting == []
    eventually(lambda: min(counted(store, transaction)) >= 200, 60)
    time.sleep(1)  # for what may not come
    assert counted(store, transaction) == (200, 200)


def test_a_range_that_was_inserted_but_not_committed_is_not_inserted_twice(
    start_ingest: Callable[..., Ingest],
    store: ClickHouseSettings,
    settings: KafkaSettings,
    writer: ClickHouseWriter,
    transaction: str,
) -> None:
    """A predecessor fixed a range, inserted it and died; meanwhile more messages came."""
    producer = connect_producer(settings)
    messages = [spans_request(span(transaction, f"{n:016x}")) for n in range(1, 11)]
    offsets = [producer.send(Signal.SPANS.value, message, partition=1).get(timeout=30).offset for message in messages]
    producer.close()
    first, last = offsets[0], offsets[4]
    predecessor = connect_consumer(settings)
    predecessor.assign([TopicPartition(Signal.SPANS.value, 1)])
    predecessor.commit({TopicPartition(Signal.SPANS.value, 1): OffsetAndMetadata(first, fixed_range(last), -1)})
    predecessor.close()
    writer.insert(Signal.SPANS, messages[:5], f"otlp_spans-1-{first}-{last}")

    start_ingest()
    eventually(lambda: min(counted(store, transaction)) >= 10)
    assert counted(store, transaction) == (10, 10)


def test_clickhouse_away_is_waited_for(
    edge: Edge, tmp_path: Path, store: ClickHouseSettings, settings: KafkaSettings, transaction: str
) -> None:
    """The edge goes on answering; ingest waits, says so, and ends when it is told to."""
    post(edge, "/v1/traces", spans_request(span(transaction, "b" * 16)))
    away = ClickHouseSettings(http_port=1, tcp_port=1)
    ingest = Ingest(
        tmp_path,
        away,
        WEFTLINE_KAFKA_BOOTSTRAP_SERVERS=settings.bootstrap_servers[0],
        WEFTLINE_KAFKA_GROUP_ID=settings.group_id,
    )
    ingest.start()
    try:
        eventually(lambda: "Could not insert yet" in ingest.tail(50))
        ingest.stop()
        assert ingest.exit_code == 0, ingest.tail()
    finally:
        ingest.stop()


def test_lines_of_a_log_shipper_become_access_logs_and_others_are_put_aside(
    start_ingest: Callable[..., Ingest],
    reader: ClickHouseReader,
    settings: KafkaSettings,
    writer: ClickHouseWriter,
    transaction: str,
) -> None:
    """A topic that Fluent Bit and Vector write; the same request also came over OTLP."""
    line = {
        "start_time": "1795320524.461570", "trace_id": transaction, "access_log_type": "DownstreamEnd", "method": "GET",
        "response_code": 200, "request_id": "r1", "path": "/pay", "service.name": "cart",
        "downstream_remote_address": "10.0.0.5:1", "downstream_local_address": "10.0.0.6:2",
    }  # fmt: skip
    topic = f"envoy-{transaction[:8]}"
    producer = connect_producer(settings)
    fluent_bit = {"log": json.dumps(line), "stream": "stdout", "kubernetes": {"pod_name": "cart-7d"}}
    for value in (
        fluent_bit,
        {"log": "starting main dispatch loop"},
        {"message": json.dumps({**line, "request_id": "r2"})},
    ):
        producer.send(topic, json.dumps(value).encode()).get(timeout=30)
    producer.close()
    text = {name: str(value) for name, value in line.items() if name not in ("start_time", "trace_id", "service.name")}
    again = access_log(transaction, "b" * 16, time=1_795_320_524_461_570_000, **text)
    writer.insert(Signal.LOGS, [logs_request(again)], "otlp")

    ingest = start_ingest(WEFTLINE_INGEST_ACCESS_LOG_TOPICS=topic)
    rows = eventually(lambda: len(found := reader.transaction(transaction, 10)) == 2 and found)
    assert {(row.request_id, row.service, row.path) for row in rows} == {("r1", "cart", "/pay"), ("r2", "cart", "/pay")}
    accepted = 'weftline_access_logs_total{outcome="%s",protocol="kafka",reason="%s"}'
    eventually(lambda: metrics(ingest.metrics_port).get(accepted % ("refused", "unparsable")) == 1)
    assert metrics(ingest.metrics_port)[accepted % ("accepted", "")] == 2
    letters = KafkaConsumer(
        DEAD_LETTERS,
        bootstrap_servers=list(settings.bootstrap_servers),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=10_000,
    )
    [letter] = [record for record in letters if dict(record.headers).get("weftline.topic") == topic.encode()]
    letters.close()
    assert letter.value == b'{"log": "starting main dispatch loop"}'
    assert b"neither JSON nor" in dict(letter.headers)["weftline.reason"]


def test_topics_are_made_once_and_keep_large_messages(settings: KafkaSettings, kafka: Kafka) -> None:
    create_topics(settings)
    producer = connect_producer(settings)
    assert set(topics()) == {"otlp_spans", "otlp_logs", "envoy_als", "weftline_dead_letters"}
    producer.send(DEAD_LETTERS, b"x" * 16_000_000).get(timeout=60)
    producer.close()


def test_ingest_without_kafka_is_one_clear_sentence(tmp_path: Path, store: ClickHouseSettings) -> None:
    ingest = Ingest(tmp_path, store, WEFTLINE_KAFKA_BOOTSTRAP_SERVERS="")
    try:
        ingest.start()
        assert ingest.wait(30) == 2
        assert "WEFTLINE_KAFKA_BOOTSTRAP_SERVERS is not set" in ingest.tail()
        assert "Traceback" not in ingest.tail()
    finally:
        ingest.stop()
