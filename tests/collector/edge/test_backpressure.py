"""Nothing is answered with success before it is durable, and what is slow makes senders wait: real ClickHouse, real Kafka.

The server is stopped (SIGSTOP) for a while, as a machine that swaps or a disk that hangs would stop it.
"""

import os
import signal
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from kafka import KafkaConsumer

from support.otlp import log, logs_request, span, spans_request
from support.roles import Edge, eventually, metrics
from weftline.collector.bus.topics import create_topics
from weftline.collector.settings import ClickHouseSettings, KafkaSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.kafka import Kafka
from weftline.deploy.local.process import Process

pytestmark = pytest.mark.clickhouse


def post(edge: Edge, body: bytes, path: str = "/v1/traces") -> int:
    request = urllib.request.Request(edge.url(path), data=body, headers={"Content-Type": "application/x-protobuf"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code if "retry-after" in error.headers else 0


@contextmanager
def stopped(process: Process) -> Iterator[None]:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def messages(transaction: str) -> list[bytes]:
    """Ten, of 100 kB each."""
    padding = {"padding": "x" * 100_000}
    return [spans_request(span(transaction, f"{n:016x}", attributes=padding)) for n in range(1, 11)]


def send_to_a_stopped(edge: Edge, server: Process, transaction: str) -> tuple[int, int]:
    """Ten requests, five times what may be pending. (answered 200, told to come back)"""
    with ThreadPoolExecutor(10) as pool:
        with stopped(server):
            answers: list[Future[int]] = [pool.submit(post, edge, message) for message in messages(transaction)]
            time.sleep(2)
            early = [it.result() for it in answers if it.done()]
            assert set(early) == {429}, "none of them is durable"
            assert len(early) >= 7
        codes = [it.result() for it in answers]
    assert set(codes) == {200, 429}
    return codes.count(200), codes.count(429)


def test_a_slow_clickhouse_makes_senders_wait_and_what_was_taken_is_there(
    tmp_path: Path, store: ClickHouseSettings, clickhouse: ClickHouse, reader: ClickHouseReader
) -> None:
    with Edge(tmp_path, store, WEFTLINE_EDGE_MAX_PENDING_BYTES=200_000) as edge:
        transaction = uuid.uuid4().hex
        taken, later = send_to_a_stopped(edge, clickhouse, transaction)
        assert len(reader.transaction(transaction, 100)) == taken
        key = 'weftline_requests_total{outcome="later",protocol="otlp_http",reason="overloaded",signal="otlp_spans"}'
        assert metrics(edge.http_port)[key] == later


@pytest.mark.kafka
def test_a_slow_kafka_makes_senders_wait_and_what_was_taken_is_there(
    tmp_path: Path, store: ClickHouseSettings, kafka: Kafka
) -> None:
    settings = KafkaSettings(bootstrap_servers=(kafka.bootstrap_servers,))
    create_topics(settings)
    transaction = uuid.uuid4().hex
    with Edge(
        tmp_path, store,
        WEFTLINE_KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers, WEFTLINE_EDGE_MAX_PENDING_BYTES=200_000,
    ) as edge:  # fmt: skip
        assert post(edge, spans_request(span(transaction, "f" * 16))) == 200
        taken, _ = send_to_a_stopped(edge, kafka, transaction)
    consumer = KafkaConsumer(
        "otlp_spans", bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest",
        enable_auto_commit=False, consumer_timeout_ms=3_000,
    )  # fmt: skip
    ours = [record for record in consumer if bytes.fromhex(transaction) in record.value]
    consumer.close()
    assert len(ours) == taken + 1
    assert {record.key for record in ours} == {bytes.fromhex(transaction)}
    assert len({record.partition for record in ours}) == 1, "a transaction's requests stay together"


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_sigterm_answers_what_is_under_way_first(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader, protocol: str
) -> None:
    transaction = uuid.uuid4().hex
    body = logs_request(log(transaction, "b" * 16, "the last one"))

    def over_grpc() -> int:
        with grpc.insecure_channel(f"127.0.0.1:{edge.grpc_port}") as channel:
            export = channel.unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export")
            return 200 if export(body, timeout=30) == b"" else 0

    send: Callable[[], int] = over_grpc if protocol == "grpc" else lambda: post(edge, body, "/v1/logs")
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=2) as edge, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(send)
        time.sleep(0.7)
        assert edge.pid is not None
        os.kill(edge.pid, signal.SIGTERM)
        assert answer.result() == 200
        assert edge.wait(30) == 0, edge.tail()
        assert "everything it accepted is handed over" in edge.tail()
    assert [row.body for row in reader.transaction(transaction, 10)] == ["the last one"]


def test_what_is_pending_never_exceeds_the_limit_by_much(
    tmp_path: Path, store: ClickHouseSettings, clickhouse: ClickHouse
) -> None:
    """Many senders with large bodies and a store that hangs: memory stays where it is."""
    with Edge(tmp_path, store, WEFTLINE_EDGE_MAX_PENDING_BYTES=4_000_000) as edge:
        body = spans_request(span(uuid.uuid4().hex, "b" * 16, attributes={"padding": "x" * 3_000_000}))
        assert post(edge, body) == 200
        before = resident(edge)
        with stopped(clickhouse), ThreadPoolExecutor(40) as pool:
            answers = [pool.submit(post, edge, body) for _ in range(120)]
            eventually(lambda: sum(it.done() for it in answers) >= 119)
            grown = resident(edge) - before
            threading.Timer(0.1, lambda: os.kill(clickhouse.pid or 0, signal.SIGCONT)).start()
        assert grown < 40_000_000, f"{grown} bytes more for 360 MB that were sent"


def resident(process: Process) -> int:
    """Bytes of memory."""
    fields = Path(f"/proc/{process.pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
