"""The edge as senders meet it: a real process in direct mode, a real ClickHouse, OpenTelemetry's own exporters."""

import gzip
import http.client
import json
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from backports import zstd
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from support.jaeger_idl import ttypes as jaeger
from support.otlp import log, logs_request, span, spans_request
from support.roles import Edge, metrics
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
PROTOBUF = "application/x-protobuf"


@pytest.fixture
def edge(tmp_path: Path, store: ClickHouseSettings) -> Iterator[Edge]:
    limits = {"WEFTLINE_EDGE_MAX_REQUEST_BYTES": 100_000, "WEFTLINE_EDGE_MAX_REQUEST_ITEMS": 1000}
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.01, **limits) as edge:
        yield edge
    assert edge.exit_code == 0, edge.tail()


def post(edge: Edge, path: str, body: bytes, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    fields = {"Content-Type": PROTOBUF} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(edge.url(path), data=body, headers=fields)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def test_what_is_answered_with_200_is_stored(edge: Edge, reader: ClickHouseReader) -> None:
    status, body, headers = post(edge, "/v1/traces", spans_request(span(TX, "b" * 16)))
    assert (status, body, headers["content-type"]) == (200, b"", PROTOBUF)
    assert len(reader.transaction(TX, 10)) == 1
    packed = gzip.compress(logs_request(log(TX, "b" * 16, "hello")))
    assert post(edge, "/v1/logs", packed, Content_Encoding="gzip")[0] == 200
    assert len(reader.transaction(TX, 10)) == 2
    counted = metrics(edge.http_port)
    assert (
        counted['weftline_requests_total{outcome="accepted",protocol="otlp_http",reason="",signal="otlp_spans"}'] == 1
    )


def test_grpc_stores_too(edge: Edge, reader: ClickHouseReader) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{edge.grpc_port}") as channel:
        traces = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        logs = channel.unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export")
        assert traces(spans_request(span(TX, "b" * 16)), timeout=30) == b""
        assert logs(logs_request(log(TX, "b" * 16, "hello")), timeout=30) == b""
        assert len(reader.transaction(TX, 10)) == 2
        for bad, says in (
            (b"\xff\xff", "not an OTLP"),
            (spans_request(span("01", "b" * 16)), "trace_id is not 16 bytes"),
        ):
            with pytest.raises(grpc.RpcError) as raised:
                traces(bad, timeout=30)
            assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert says in raised.value.details()
        with pytest.raises(grpc.RpcError) as raised:
            traces(b"x" * 200_000, timeout=30)
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "says"),
    [
        ("/v1/traces", b"hello", {}, 400, "not an OTLP ExportTraceServiceRequest"),
        ("/v1/logs", b"\xff\xff\xff", {}, 400, "not an OTLP ExportLogsServiceRequest"),
        ("/v1/traces", spans_request(span("01", "b" * 16)), {}, 400, "trace_id is not 16 bytes"),
        ("/v1/traces", b"hello", {"Content_Encoding": "gzip"}, 400, "is not gzip"),
        ("/v1/traces", b"hello", {"Content_Encoding": "br"}, 400, "gzip, deflate and zstd are"),
        ("/v1/traces", gzip.compress(b"x" * 100_001), {"Content_Encoding": "gzip"}, 413, "larger than 100000 bytes"),
        ("/v1/traces", b"x" * 100_001, {}, 413, "larger than 100000 bytes"),
        ("/v1/logs", logs_request(*[log("", "", "")] * 1001), {}, 400, "has 1001 items, the limit is 1000"),
        ("/v1/metrics", b"hello", {}, 400, "not an OTLP ExportMetricsServiceRequest"),
    ],
    ids=[
        "rubbish",
        "rubbish logs",
        "short id",
        "not gzip",
        "unknown encoding",
        "bomb",
        "too large",
        "items",
        "metrics",
    ],
)
def test_bad_requests_are_refused_with_a_reason(
    edge: Edge, reader: ClickHouseReader, path: str, body: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    got, answer, fields = post(edge, path, body, **headers)
    assert got == status
    assert fields["content-type"] == PROTOBUF
    assert says in Status.FromString(answer).message
    # It goes on for everybody else.
    assert post(edge, "/v1/traces", spans_request(span(TX, "b" * 16)))[0] == 200
    assert (
        sum(value for key, value in metrics(edge.http_port).items() if 'requests_total{outcome="refused"' in key) == 1
    )


def test_a_chunked_body_is_bounded_too(edge: Edge) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", edge.http_port, timeout=30)
    try:
        connection.request(
            "POST",
            "/v1/traces",
            body=iter([b"x" * 60_000] * 2),
            headers={"Content-Type": PROTOBUF},
            encode_chunked=True,
        )
        assert connection.getresponse().status == 413
    finally:
        connection.close()


def test_other_paths_methods_and_types_say_what_there_is(edge: Edge) -> None:
    status, body, _ = post(edge, "/v1/profiles", b"")
    assert status == 404
    assert b"POST /v1/traces" in body
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(edge.url("/v1/traces"), timeout=10)
    with raised.value as error:
        assert (error.code, error.headers["allow"]) == (405, "POST")
    status, body, _ = post(edge, "/v1/traces", b"a=1", Content_Type="application/x-www-form-urlencoded")
    assert status == 415
    assert b"is not supported; application/x-protobuf, application/json is" in body


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "zstd"])
def test_json_in_every_encoding(edge: Edge, reader: ClickHouseReader, encoding: str) -> None:
    message = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "browser"}}]},
                "scopeSpans": [{"spans": [{"traceId": TX, "spanId": "b" * 16, "name": "click", "kind": 1}]}],
            }
        ]
    }
    # Larger than what is decoded on the event loop.
    body = (" " * 20_000 + json.dumps(message)).encode()
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd.compress, "": bytes}[encoding](body)
    fields = {"Content_Type": "application/json; charset=utf-8", **({"Content_Encoding": encoding} if encoding else {})}
    status, answer, headers = post(edge, "/v1/traces", packed, **fields)
    assert (status, json.loads(answer), headers["content-type"]) == (200, {}, "application/json")
    [row] = reader.transaction(TX, 10)
    assert (row.service, row.name, row.kind) == ("browser", "click", "internal")


def test_bad_json_is_told_where_it_is_bad(edge: Edge) -> None:
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "what"}]}]}]}).encode()
    status, answer, headers = post(edge, "/v1/traces", body, Content_Type="application/json")
    assert (status, headers["content-type"]) == (400, "application/json")
    where = "ExportTraceServiceRequest.resourceSpans[0].scopeSpans[0].spans[0].traceId"
    assert json.loads(answer) == {"code": 3, "message": f"{where}: 'what' is not hexadecimal."}


def test_a_request_with_an_invalid_span_is_a_partial_success(edge: Edge, reader: ClickHouseReader) -> None:
    message = spans_request(span(TX, "b" * 16), span("01", "c" * 16))
    status, body, _ = post(edge, "/v1/traces", message)
    partial = ExportTraceServiceResponse.FromString(body).partial_success
    assert (status, partial.rejected_spans) == (200, 1)
    assert "trace_id is not 16 bytes" in partial.error_message
    with grpc.insecure_channel(f"127.0.0.1:{edge.grpc_port}") as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        again = spans_request(span(TX, "d" * 16), span("01", "c" * 16))
        answer = ExportTraceServiceResponse.FromString(export(again, timeout=30))
    assert answer.partial_success.rejected_spans == 1
    assert len(reader.transaction(TX, 10)) == 2
    counted = metrics(edge.http_port)
    for protocol in ("otlp_http", "otlp_grpc"):
        assert counted[f'weftline_rejected_items_total{{protocol="{protocol}",signal="otlp_spans"}}'] == 1


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_metrics_are_answered_so_that_no_sdk_sends_them_again(edge: Edge, kind: str) -> None:
    """OpenTelemetry's own exporter counts it as done; the log says it once."""
    exporter = (
        HttpMetrics(endpoint=edge.url("/v1/metrics"))
        if kind == "http"
        else GrpcMetrics(endpoint=f"127.0.0.1:{edge.grpc_port}", insecure=True)
    )
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("t").create_counter("orders").add(1)
    data = reader.get_metrics_data()
    for _ in range(3):
        assert exporter.export(data) is MetricExportResult.SUCCESS
    provider.shutdown()
    exporter.shutdown()
    assert edge.tail(100).count("sends OTLP metrics, which weftline does not store") == 1
    key = (
        f'weftline_requests_total{{outcome="refused",protocol="otlp_{kind}",reason="not_stored",signal="otlp_metrics"}}'
    )
    assert metrics(edge.http_port)[key] == 3


def test_an_empty_request_is_fine(edge: Edge) -> None:
    assert post(edge, "/v1/traces", b"")[0] == 200


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_opentelemetrys_own_exporters_get_through(edge: Edge, reader: ClickHouseReader, kind: str) -> None:
    exporter = (
        HttpExporter(endpoint=edge.url("/v1/traces"))
        if kind == "http"
        else GrpcExporter(endpoint=f"127.0.0.1:{edge.grpc_port}", insecure=True)
    )
    provider = TracerProvider(resource=Resource({"service.name": "sender"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("work", attributes={"n": 1, "l": [1, 2]}) as it:
        transaction_id = f"{it.get_span_context().trace_id:032x}"
    provider.shutdown()
    [row] = reader.transaction(transaction_id, 10)
    assert (row.service, row.name, row.attributes) == ("sender", "work", {"n": "1", "l": "[1,2]"})


def test_opentelemetrys_zipkin_exporter_gets_through(edge: Edge, reader: ClickHouseReader) -> None:
    exporter = ZipkinExporter(endpoint=edge.url("/api/v2/spans"), local_node_ipv4="10.0.0.7")
    provider = TracerProvider(resource=Resource({"service.name": "old-sender"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("lib", "2").start_as_current_span("work", kind=SpanKind.CLIENT, attributes={"n": 1}) as it:
        it.add_event("tried", {"times": 2})
        it.set_status(StatusCode.ERROR, "declined")
        transaction_id = f"{it.get_span_context().trace_id:032x}"
    provider.shutdown()
    [row] = reader.transaction(transaction_id, 10)
    assert (row.service, row.name, row.kind, row.scope_name, row.scope_version) == (
        "old-sender",
        "work",
        "client",
        "lib",
        "2",
    )
    assert (row.status, row.status_message) == ("error", "declined")
    assert row.attributes["n"] == "1"
    assert row.attributes["network.local.address"] == "10.0.0.7"
    assert [(event.name, event.attributes) for event in row.events] == [("tried", {"times": "2"})]
    for body in (b"hello", b"[3]"):
        status, answer, headers = post(edge, "/api/v2/spans", body, Content_Type="application/json")
        assert (status, headers["content-type"]) == (400, "text/plain")
        assert answer.endswith(b".\n")


def test_a_jaeger_batch_gets_through(edge: Edge, reader: ClickHouseReader) -> None:
    """As OpenTelemetry's Python exporter wrote it; `tests/collector/edge/test_senders.py` has Jaeger's own client."""
    low, high = int(TX[16:], 16) - (1 << 64), int(TX[:16], 16)
    span = jaeger.Span(
        traceIdLow=low, traceIdHigh=high, spanId=5, parentSpanId=0, operationName="work", flags=1,
        startTime=1_795_000_000_000_000, duration=10,
    )  # fmt: skip
    buffer = TMemoryBuffer()
    process = jaeger.Process(serviceName="older-sender")
    jaeger.Batch(process=process, spans=[span]).write(TBinaryProtocol(buffer))
    path = "/api/traces?format=jaeger.thrift"
    status, body, _ = post(edge, path, buffer.getvalue(), Content_Type="application/vnd.apache.thrift.binary")
    assert (status, body) == (202, b"")
    [row] = reader.transaction(TX, 10)
    assert (row.service, row.name, row.duration) == ("older-sender", "work", 10_000)
    status, answer, _ = post(edge, path, b"hello", Content_Type="application/x-thrift")
    assert (status, b"not a Jaeger batch" in answer) == (400, True)


def test_without_clickhouse_senders_are_told_to_come_back(tmp_path: Path) -> None:
    away = ClickHouseSettings(http_port=1, tcp_port=1)
    edge = Edge(tmp_path, away)
    edge.ready = lambda: _status(edge, "/health") == 503
    with edge:
        status, body, headers = post(edge, "/v1/traces", spans_request(span(TX, "b" * 16)))
        assert (status, headers["retry-after"]) == (503, "1")
        assert "does not answer" in Status.FromString(body).message
        health = urllib.request.Request(edge.url("/health"))
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(health, timeout=10)
        with raised.value as error:
            assert json.loads(error.read())["status"] == "unavailable"


def _status(edge: Edge, path: str) -> int:
    try:
        with urllib.request.urlopen(edge.url(path), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def test_a_port_in_use_is_one_clear_sentence(tmp_path: Path, edge: Edge, store: ClickHouseSettings) -> None:
    second = Edge(tmp_path / "second", store)
    second.env = {**second.env, "WEFTLINE_EDGE_HTTP_PORT": str(edge.http_port)}
    try:
        second.start()
        assert second.wait(30) == 2
        assert f"weftline: Can't listen on 127.0.0.1:{edge.http_port} (OTLP/HTTP)" in second.tail()
        assert "Traceback" not in second.tail()
    finally:
        second.stop()


def test_a_misspelt_setting_is_one_clear_sentence(tmp_path: Path, store: ClickHouseSettings) -> None:
    edge = Edge(tmp_path, store, WEFTLINE_EDGE_HTTPPORT="1", WEFTLINE_EDGE_MAX_PENDING_BYTES="lots")
    try:
        edge.start()
        assert edge.wait(30) == 2
        assert "WEFTLINE_EDGE_HTTPPORT: no such setting" in edge.tail()
        assert "WEFTLINE_EDGE_MAX_PENDING_BYTES='lots': expected a whole number" in edge.tail()
    finally:
        edge.stop()
