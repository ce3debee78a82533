"""The relations between counters that `collector/README.md` promises, while ClickHouse is away, messages are bad and senders repeat themselves."""

import urllib.error
import urllib.request
import uuid
from collections import Counter
from pathlib import Path

import pytest
from kafka import TopicPartition

from support.kafka_groups import begin_at_the_ends
from support.otlp import span, spans_request
from support.roles import Edge, Ingest, eventually, metrics
from support.slow_proxy import SlowProxy
from weftline.collector.bus.kafka import connect_producer
from weftline.collector.bus.topics import create_topics
from weftline.collector.ingest.worker import connect_consumer
from weftline.collector.settings import ClickHouseSettings, KafkaSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.protocol import Signal
from weftline.deploy.local.kafka import Kafka

pytestmark = [pytest.mark.clickhouse]

SIGNAL = "otlp_spans"


def request() -> bytes:
    return spans_request(span(uuid.uuid4().hex, "b" * 16), span(uuid.uuid4().hex, "c" * 16))


def post(edge: Edge, body: bytes) -> int:
    asked = urllib.request.Request(edge.url("/v1/traces"), body, {"Content-Type": "application/x-protobuf"})
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def requests_counted(edge: Edge) -> Counter[str]:
    """outcome -> requests of spans"""
    counted: Counter[str] = Counter()
    for name, value in metrics(edge.http_port).items():
        if name.startswith("weftline_requests_total") and SIGNAL in name:
            counted[name.split('outcome="')[1].split('"')[0]] += int(value)
    return counted


def messages_counted(port: int) -> Counter[str]:
    """outcome -> messages of spans; those that are 0 are left out"""
    return Counter(
        {
            name.split('outcome="')[1].split('"')[0]: int(value)
            for name, value in metrics(port).items()
            if name.startswith("weftline_messages_total") and SIGNAL in name and value
        }
    )


def spans_stored(store: ClickHouseSettings) -> int:
    with connect(store) as client:
        return client.execute("SELECT count() FROM spans")[0][0]


def test_direct(tmp_path: Path, store: ClickHouseSettings) -> None:
    """received = accepted + refused + later; accepted = stored + duplicate."""
    with (
        SlowProxy(store.http_port) as proxy,
        Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.01, WEFTLINE_CLICKHOUSE_HTTP_PORT=proxy.port) as edge,
    ):
        good = [request() for _ in range(5)]
        answers = [post(edge, body) for body in (*good, good[0], b"no protobuf", spans_request(span("01", "b" * 16)))]
        proxy.delay = None
        answers += [post(edge, body) for body in (good[1], request())]
        proxy.delay = 0.0
        answers.append(post(edge, request()))
        requests, messages = requests_counted(edge), messages_counted(edge.http_port)
    assert answers == [200] * 6 + [400] * 2 + [503] * 2 + [200]
    assert requests == {"accepted": 7, "refused": 2, "later": 2}
    assert requests.total() == len(answers)
    assert messages == {"stored": 6, "duplicate": 1}
    assert messages.total() == requests["accepted"]
    assert spans_stored(store) == 2 * messages["stored"]


@pytest.mark.kafka
def test_through_kafka(tmp_path: Path, store: ClickHouseSettings, kafka: Kafka) -> None:
    """Committed messages = stored + duplicate + dead-lettered, over all ingests; what is not committed is the lag."""
    settings = KafkaSettings(bootstrap_servers=(kafka.bootstrap_servers,), group_id=f"test-{uuid.uuid4().hex[:8]}")
    create_topics(settings)
    begin_at_the_ends(settings)
    began = committed(settings)
    bus = {
        "WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "WEFTLINE_KAFKA_GROUP_ID": settings.group_id,
        "WEFTLINE_INGEST_BATCH_SECONDS": 0.1,
    }
    producer = connect_producer(settings)
    counted: Counter[str] = Counter()
    with SlowProxy(store.http_port) as proxy, Edge(tmp_path, store, **bus) as edge:
        behind = {**bus, "WEFTLINE_CLICKHOUSE_HTTP_PORT": proxy.port}
        for number in range(2):
            with Ingest(tmp_path, store, **behind) as ingest:
                good = [request() for _ in range(6)]
                assert [post(edge, body) for body in (*good, good[0], b"no protobuf")] == [200] * 7 + [400]
                proxy.delay = None
                for body in (spans_request(span("01", "b" * 16)), good[1]):
                    producer.send(Signal.SPANS.value, body, partition=number).get(timeout=30)
                proxy.delay = 0.0
                eventually(lambda ingest=ingest: messages_counted(ingest.metrics_port).total() >= 9, 60)
                counted += messages_counted(ingest.metrics_port)
        requests = requests_counted(edge)
    producer.close()
    assert requests == {"accepted": 14, "refused": 2}
    assert counted == {"stored": 12, "duplicate": 4, "dead_lettered": 2}
    assert counted.total() == committed(settings) - began
    assert spans_stored(store) == 2 * counted["stored"]


def committed(settings: KafkaSettings) -> int:
    """Messages before the group's committed offsets, of all partitions."""
    consumer = connect_consumer(settings)
    partitions = [TopicPartition(SIGNAL, it) for it in consumer.partitions_for_topic(SIGNAL)]
    offsets = [consumer.committed(it) or 0 for it in partitions]
    consumer.close()
    return sum(offsets)
