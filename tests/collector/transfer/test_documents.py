"""Files of every format, and broken ones, as OTLP requests."""

import base64
import gzip
import io
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.otlp import START, attributes, log, logs_request, span, spans_request
from weftline.collector.errors import BadMessage, Misconfigured
from weftline.collector.store.protocol import Signal
from weftline.collector.transfer.documents import documents
from weftline.collector.transfer.input import open_input

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TX = "0af7651916cd43dd8448eb211c80319c"
SPANS = spans_request(span(TX, "b7ad6b7169203331", name="a"), span(TX, "00f067aa0ba902b7", name="b"))
OTHER = spans_request(span(TX, "c" * 16, name="c"), service="payment")
LOGS = logs_request(log(TX, "b7ad6b7169203331", "declined", severity_number=17))


def as_json(kind: type, message: bytes) -> dict[str, Any]:
    """A request as OTLP has it in JSON: ids in hex."""
    document = MessageToDict(kind.FromString(message))
    text = json.dumps(document)
    for hexed in (TX, "b7ad6b7169203331", "00f067aa0ba902b7", "c" * 16):
        text = text.replace(base64.b64encode(bytes.fromhex(hexed)).decode(), hexed)
    return json.loads(text)


SPANS_JSON = as_json(ExportTraceServiceRequest, SPANS)
LOGS_JSON = as_json(ExportLogsServiceRequest, LOGS)


def read(data: bytes) -> list[tuple[str, Signal, bytes]]:
    return [
        (document.where, signal, message)
        for document in documents(io.BufferedReader(io.BytesIO(data)), START)
        for signal, message in document.requests()
    ]


def framed(*messages: bytes) -> bytes:
    return b"".join(len(it).to_bytes(4, "big") + it for it in messages)


def delimited(*messages: bytes) -> bytes:
    def varint(value: int) -> bytes:
        return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)

    return b"".join(varint(len(it)) + it for it in messages)


@pytest.mark.parametrize(
    ("data", "places"),
    [
        (SPANS + OTHER, [f"byte {0}", f"byte {len(SPANS)}"]),
        (framed(SPANS, OTHER), ["byte 0", f"byte {len(SPANS) + 4}"]),
        (delimited(SPANS, OTHER), ["byte 0", f"byte {len(SPANS) + 2}"]),
        (framed(zstd.compress(SPANS), zstd.compress(OTHER)), ["byte 0", None]),
    ],
    ids=["plain", "collector", "delimited", "collector-zstd"],
)
def test_otlp_in_protobuf(data: bytes, places: list[str | None]) -> None:
    found = read(data)
    assert [(signal, message) for _, signal, message in found] == [(Signal.SPANS, SPANS), (Signal.SPANS, OTHER)]
    assert all(wanted in (None, where) for wanted, (where, _, _) in zip(places, found, strict=True))


def test_log_records_in_protobuf_are_told_from_spans() -> None:
    sparse = logs_request(log(TX, "b" * 16, "x", time=0, severity_number=9))
    assert read(framed(LOGS, SPANS, sparse)) == [
        ("byte 0", Signal.LOGS, LOGS),
        (f"byte {len(LOGS) + 4}", Signal.SPANS, SPANS),
        (f"byte {len(LOGS) + len(SPANS) + 8}", Signal.LOGS, sparse),
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_otlp_in_json(indent: int | None) -> None:
    data = "\n\n".join(json.dumps(it, indent=indent) for it in (SPANS_JSON, LOGS_JSON)).encode()
    [spans, logs] = read(b"\xef\xbb\xbf" + data)
    assert spans == ("line 1", Signal.SPANS, SPANS)
    assert logs[1:] == (Signal.LOGS, LOGS)
    assert logs[0] == f"line {json.dumps(SPANS_JSON, indent=indent).count(chr(10)) + 3}"


def test_zipkin() -> None:
    one = {"traceId": TX, "id": "b7ad6b7169203331", "name": "get", "timestamp": 5, "duration": 7, "kind": "SERVER",
           "localEndpoint": {"serviceName": "cart"}}  # fmt: skip
    for document in ([one], [[one]]):
        [(where, signal, message)] = read(json.dumps(document).encode())
        [resource] = ExportTraceServiceRequest.FromString(message).resource_spans
        assert (where, signal) == ("line 1", Signal.SPANS)
        assert resource.scope_spans[0].spans[0].start_time_unix_nano == 5000


JAEGER = {
    "data": [
        {
            "traceID": TX,
            "spans": [
                {
                    "traceID": TX, "spanID": "b7ad6b7169203331", "flags": 1, "operationName": "GET /pay",
                    "references": [
                        {"refType": "CHILD_OF", "traceID": TX, "spanID": "00f067aa0ba902b7"},
                        {"refType": "FOLLOWS_FROM", "traceID": "c" * 32, "spanID": "c" * 16},
                    ],
                    "startTime": START // 1000, "duration": 1500, "processID": "p1", "warnings": None,
                    "tags": [
                        {"key": "http.response.status_code", "type": "int64", "value": 503},
                        {"key": "ratio", "type": "float64", "value": 0.5},
                        {"key": "cached", "type": "bool", "value": False},
                        {"key": "span.kind", "type": "string", "value": "server"},
                        {"key": "otel.scope.name", "type": "string", "value": "shop"},
                        {"key": "otel.library.name", "type": "string", "value": "shop"},
                        {"key": "otel.status_code", "type": "string", "value": "ERROR"},
                        {"key": "otel.status_description", "type": "string", "value": "declined"},
                        {"key": "error", "type": "bool", "value": True},
                    ],
                    "logs": [
                        {"timestamp": START // 1000 + 5, "fields": [
                            {"key": "event", "type": "string", "value": "retry"}, {"key": "n", "type": "int64", "value": 2}]}
                    ],
                }
            ],
            "processes": {"p1": {"serviceName": "cart", "tags": [{"key": "host.name", "type": "string", "value": "h"}]}},
            "warnings": None,
        }
    ],
    "total": 0, "limit": 0, "offset": 0, "errors": None,
}  # fmt: skip


@pytest.mark.parametrize("document", [JAEGER, JAEGER["data"][0], JAEGER["data"]])  # type: ignore[index]
def test_jaeger(document: Any) -> None:
    [(where, signal, message)] = read(json.dumps(document, indent=2).encode())
    wanted = spans_request(
        span(
            TX, "b7ad6b7169203331", parent="00f067aa0ba902b7", duration=1_500_000, name="GET /pay", flags=1,
            status={"code": 2, "message": "declined"},
            attributes={"http.response.status_code": 503, "ratio": 0.5, "cached": False},
            events=[{"name": "retry", "time_unix_nano": START + 5000, "attributes": attributes({"n": 2})}],
            links=[{"trace_id": b"\xcc" * 16, "span_id": b"\xcc" * 8,
                    "attributes": attributes({"opentracing.ref_type": "follows_from"})}],
        ),
    )  # fmt: skip
    found = ExportTraceServiceRequest.FromString(message)
    [resource] = found.resource_spans
    assert {it.key: it.value.string_value for it in resource.resource.attributes} == {
        "service.name": "cart",
        "host.name": "h",
    }
    assert resource.scope_spans[0].scope.name == "shop"
    [expected] = ExportTraceServiceRequest.FromString(wanted).resource_spans[0].scope_spans[0].spans
    assert (where, signal, resource.scope_spans[0].spans[0]) == ("line 1", Signal.SPANS, expected)


METRICS = ExportMetricsServiceRequest(
    resource_metrics=[
        {"scope_metrics": [{"metrics": [{"name": "n" * 16, "unit": "s", "gauge": {"data_points": [{"as_int": 1}]}}]}]}
    ]
).SerializeToString()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"hello\n", "begins with b'hello\\n', which is neither JSON nor OTLP"),
        (b"{\n \"resourceSpans\": [\n }", "line 3, column 2: is not JSON: Expecting value"),
        (b'{"resourceSpans": 1}', "resourceSpans"),
        (b'{"greeting": 1, "name": 2}', "is JSON, but neither OTLP nor Jaeger nor Zipkin: its keys are greeting, name"),
        (b'{"resourceMetrics": []}', "metrics are not stored"),
        (METRICS, "holds neither spans nor log records; metrics are not stored"),
        (b"[1, 2]", "is JSON, but neither OTLP nor Jaeger nor Zipkin: '[1, 2]'"),
        (b"[" * 100_000, "nested too deeply"),
        (SPANS + b"\x12\x01a", f"byte {len(SPANS)}: is no OTLP request in protobuf"),
        (SPANS[:-3], "byte 0: says that"),
        (framed(SPANS) + b"\0\0", "ends in the middle of a length"),
        (b"\0\xff\xff\xff\x0a", "byte 0: says that 16777215 bytes follow, but the file ends after 1"),
        (json.dumps({"data": [{"traceID": TX, "spans": [{"traceID": "x"}]}]}).encode(), "spans[0].traceID is 'x', not 1 to 32"),
        (json.dumps({"traceID": TX, "spans": [{"tags": [{"key": "n", "type": "int64", "value": "x"}]}]}).encode(),
         "spans[0].tags[0]: 'x' is no int64"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(data: bytes, reason: str) -> None:
    with pytest.raises(BadMessage) as caught:
        read(data)
    assert reason in str(caught.value)


@given(
    st.binary(max_size=400)
    | st.text(max_size=200).map(str.encode)
    | st.binary(max_size=60).map(lambda it: SPANS[:80] + it)
)
def test_nothing_else_ever_comes_out_of_it(data: bytes) -> None:
    with suppress(BadMessage, RecursionError):
        read(data)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(TX),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["data", "spans", "traceID", "spanID", "tags", "key", "type", "value", "logs", "fields", "processes",
                         "references", "startTime", "resourceSpans", "scopeSpans", "traceId", "id", "process", "processID"]),
        inner, max_size=6),
))  # fmt: skip
def test_nor_out_of_any_json(it: Any) -> None:
    with suppress(BadMessage):
        read(json.dumps(it).encode())


@pytest.mark.parametrize("compress", [lambda it: it, gzip.compress, zstd.compress], ids=["plain", "gzip", "zstd"])
def test_files_are_decompressed(tmp_path: Path, compress: Any) -> None:
    file = tmp_path / "spans.bin"
    file.write_bytes(compress(SPANS) + compress(OTHER))  # several members are one stream
    with open_input(str(file)) as source:
        found = [it for document in documents(source.stream, START) for it in document.requests()]
        assert source.position == source.size == file.stat().st_size
    assert found == [(Signal.SPANS, SPANS), (Signal.SPANS, OTHER)]


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_a_file_that_is_cut_off_gives_what_it_has(tmp_path: Path, compress: Any) -> None:
    lines = b"".join(json.dumps(SPANS_JSON).encode() + b"\n" for _ in range(2))
    file = tmp_path / "spans"
    file.write_bytes(compress(lines) + compress(lines)[:-5])
    with open_input(str(file)) as source:
        found = documents(source.stream, START)
        assert [next(found).where, next(found).where] == ["line 1", "line 2"]
        with pytest.raises(BadMessage, match="can't be read any further"):
            list(found)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(Misconfigured, match="nowhere can't be read: No such file"),
        open_input(str(tmp_path / "nowhere")),
    ):
        pass
    with pytest.raises(Misconfigured, match="Is a directory"), open_input(str(tmp_path)):
        pass
