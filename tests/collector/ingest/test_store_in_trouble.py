"""ClickHouse away, slow, read-only, with too many parts: ingest waits and says so, the edge tells senders, nothing is lost or doubled."""

import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from support.kafka_groups import begin_at_the_ends
from support.otlp import span, spans_request
from support.roles import Edge, Ingest, eventually, metrics
from support.slow_proxy import SlowProxy
from weftline.collector.bus.kafka import connect_producer
from weftline.collector.bus.topics import create_topics
from weftline.collector.settings import ClickHouseSettings, KafkaSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.protocol import Signal
from weftline.deploy.local.kafka import Kafka

pytestmark = pytest.mark.clickhouse

Trouble = Callable[[ClickHouseSettings, SlowProxy], AbstractContextManager[None]]


@contextmanager
def away(_: ClickHouseSettings, proxy: SlowProxy) -> Iterator[None]:
    proxy.delay = None
    yield
    proxy.delay = 0.0


@contextmanager
def slow(_: ClickHouseSettings, proxy: SlowProxy) -> Iterator[None]:
    """It stores what it is given, and its answer comes when nobody waits for it any more."""
    proxy.delay = 5.0
    yield
    proxy.delay = 0.0


@contextmanager
def read_only(_: ClickHouseSettings, proxy: SlowProxy) -> Iterator[None]:
    proxy.readonly = True
    yield
    proxy.readonly = False


@contextmanager
def too_many_parts(store: ClickHouseSettings, _: SlowProxy) -> Iterator[None]:
    with connect(store) as client:
        client.execute(f"SYSTEM STOP MERGES {store.database}.spans")
        client.execute("ALTER TABLE spans MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1")
    yield
    with connect(store) as client:
        client.execute("ALTER TABLE spans RESET SETTING parts_to_throw_insert, parts_to_delay_insert")
        client.execute(f"SYSTEM START MERGES {store.database}.spans")


TROUBLES = pytest.mark.parametrize("trouble", [away, slow, read_only, too_many_parts])


@pytest.fixture
def proxy(store: ClickHouseSettings) -> Iterator[SlowProxy]:
    with SlowProxy(store.http_port) as proxy:
        yield proxy


def behind(proxy: SlowProxy) -> dict[str, object]:
    """Settings of a process that comes to ClickHouse through the proxy."""
    return {"WEFTLINE_CLICKHOUSE_HTTP_PORT": proxy.port, "WEFTLINE_CLICKHOUSE_TIMEOUT": 3}


def ask(port: int, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body)
    if body is not None:
        request.add_header("Content-Type", "application/x-protobuf")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read().decode("latin-1")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode("latin-1")


def counted(store: ClickHouseSettings) -> tuple[int, int, int]:
    """(spans by table, different ones, spans by view)"""
    with connect(store) as client:
        [row] = client.execute(
            "SELECT (SELECT count() FROM spans), (SELECT uniqExact(span_id) FROM spans), (SELECT sum(spans) FROM transactions)"
        )
    return row


def messages(first: int, count: int) -> list[bytes]:
    return [spans_request(span(uuid.uuid4().hex, f"{n:016x}")) for n in range(first, first + count)]


@TROUBLES
def test_the_edge_in_direct_mode_tells_senders_to_come_back(
    tmp_path: Path, store: ClickHouseSettings, proxy: SlowProxy, trouble: Trouble
) -> None:
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.01, **behind(proxy)) as edge:
        for message in messages(1, 3):
            eventually(lambda message=message: ask(edge.http_port, "/v1/traces", message)[0] == 200)
        waiting = messages(4, 3)
        with trouble(store, proxy):
            for message in waiting:
                status, headers, text = ask(edge.http_port, "/v1/traces", message)
                assert (status, headers["retry-after"]) == (503, "1"), text
        for message in waiting:
            eventually(lambda message=message: ask(edge.http_port, "/v1/traces", message)[0] == 200)
        of = metrics(edge.http_port)
    assert counted(store) == (6, 6, 6)
    assert (
        of['weftline_requests_total{outcome="later",protocol="otlp_http",reason="unavailable",signal="otlp_spans"}']
        >= 3
    )


@pytest.mark.kafka
@TROUBLES
def test_ingest_waits_and_says_so_and_catches_up(
    tmp_path: Path,
    store: ClickHouseSettings,
    kafka: Kafka,
    proxy: SlowProxy,
    trouble: Trouble,
) -> None:
    topic = "otlp_spans"
    settings = KafkaSettings(bootstrap_servers=(kafka.bootstrap_servers,), group_id=f"test-{uuid.uuid4().hex[:8]}")
    create_topics(settings)
    producer = connect_producer(settings)
    begin_at_the_ends(settings)
    more = {"WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "WEFTLINE_KAFKA_GROUP_ID": settings.group_id}
    with Ingest(tmp_path, store, WEFTLINE_INGEST_BATCH_SECONDS=0.1, **more, **behind(proxy)) as ingest:

        def send(first: int) -> None:
            for message in messages(first, 3):
                producer.send(Signal.SPANS.value, message, partition=0).get(timeout=30)

        def value(name: str) -> float:
            return metrics(ingest.metrics_port).get(name, 0.0)

        lag = f'weftline_lag_messages{{partition="0",topic="{topic}"}}'
        send(1)
        eventually(lambda: counted(store) == (3, 3, 3))
        with trouble(store, proxy):
            send(4)
            eventually(lambda: value(f'weftline_insert_retries_total{{signal="{topic}"}}') >= 2)
            eventually(lambda: value(lag) >= 1)
            status, _, reason = ask(ingest.metrics_port, "/health")
            assert (status, "ClickHouse" in reason) == (503, True), reason
            send(7)
        eventually(lambda: min(counted(store)) >= 9, 60)
        assert counted(store) == (9, 9, 9)
        eventually(lambda: ask(ingest.metrics_port, "/health")[0] == 200)
        eventually(lambda: value(lag) == 0)
        assert value(f'weftline_messages_total{{outcome="stored",signal="{topic}"}}') == 9
    producer.close()
    assert ingest.exit_code == 0, ingest.tail()
