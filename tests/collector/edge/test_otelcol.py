"""An OpenTelemetry Collector in front of weftline: over OTLP to the edge, and through its kafka exporter past it."""

import uuid
from pathlib import Path

import httpx
import pytest

from support.otelcol import Collector
from support.otlp import log, logs_request, span, spans_request
from support.roles import Edge, Ingest, eventually
from weftline.collector.bus.topics import create_topics
from weftline.collector.settings import ClickHouseSettings, KafkaSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.protocol import LogRow, SpanRow
from weftline.deploy.local.kafka import Kafka
from weftline.deploy.local.ports import free_port

pytestmark = [pytest.mark.clickhouse, pytest.mark.timeout(1200)]


def send(port: int, transaction: str) -> None:
    it = span(transaction, "b" * 16, attributes={"n": 1, "l": ["a"], "y": b"\x00"}, name="work")
    line = log(transaction, "b" * 16, "hello", severity_number=9)
    for path, body in (("/v1/traces", spans_request(it)), ("/v1/logs", logs_request(line))):
        headers = {"content-type": "application/x-protobuf"}
        assert httpx.post(f"http://127.0.0.1:{port}{path}", content=body, headers=headers).status_code == 200


def check(reader: ClickHouseReader, transaction: str) -> None:
    rows = eventually(lambda: found if len(found := reader.transaction(transaction, 10)) == 2 else None)
    [span_row] = [row for row in rows if isinstance(row, SpanRow)]
    [log_row] = [row for row in rows if isinstance(row, LogRow)]
    assert (span_row.name, span_row.service, log_row.body) == ("work", "cart", "hello")
    assert span_row.attributes == {"n": "1", "l": '["a"]', "y": "AA=="}


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("otlp", "endpoint: 127.0.0.1:{grpc_port}, tls: {{insecure: true}}"),
        ("otlphttp", "endpoint: 'http://127.0.0.1:{http_port}', compression: zstd"),
        ("otlphttp", "endpoint: 'http://127.0.0.1:{http_port}', encoding: json, compression: deflate"),
    ],
    ids=["grpc, gzip", "http, zstd", "json, deflate"],
)
def test_its_otlp_exporters(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader, kind: str, settings: str
) -> None:
    transaction, port = uuid.uuid4().hex, free_port()
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.01) as edge:
        exporter = f"  {kind}: {{{settings.format(grpc_port=edge.grpc_port, http_port=edge.http_port)}}}"
        with Collector(tmp_path, port, exporter, [kind]):
            send(port, transaction)
            check(reader, transaction)


@pytest.mark.kafka
@pytest.mark.parametrize("encoding", ["otlp_proto", "otlp_json"])
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_its_kafka_exporter(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader, kafka: Kafka, encoding: str, compression: str
) -> None:
    settings = KafkaSettings(bootstrap_servers=(kafka.bootstrap_servers,), group_id=f"otelcol-{uuid.uuid4().hex[:8]}")
    create_topics(settings)
    transaction, port = uuid.uuid4().hex, free_port()
    exporters = (
        f"  kafka:\n    brokers: ['{kafka.bootstrap_servers}']\n    producer: {{compression: {compression}}}\n"
        f"    traces: {{topic: otlp_spans, encoding: {encoding}}}\n    logs: {{topic: otlp_logs, encoding: {encoding}}}\n"
    )
    ingest = Ingest(
        tmp_path, store, WEFTLINE_INGEST_BATCH_SECONDS=0.2,
        WEFTLINE_KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers, WEFTLINE_KAFKA_GROUP_ID=settings.group_id,
    )  # fmt: skip
    with Collector(tmp_path, port, exporters, ["kafka"]), ingest:
        send(port, transaction)
        check(reader, transaction)
