"""Whatever is sent to a receiver: never a crash, never a 5xx, and what is accepted can be stored.

A hundred examples each, always the same. WEFTLINE_FUZZ_EXAMPLES=100000 looks for new ones, as long as that takes.
"""

import gzip
import json
import os
import socket
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.edge_app import EdgeApp
from support.edge_server import running
from support.jaeger_idl import ttypes as jaeger
from support.otlp import START, attributes, log, logs_request, span, spans_request
from weftline.collector.edge.decompress import zstd
from weftline.collector.errors import BadMessage
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal

MORE = int(os.environ.get("WEFTLINE_FUZZ_EXAMPLES", "0"))
EXAMPLES = settings(
    max_examples=MORE or 100, derandomize=not MORE, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
TX = "0af7651916cd43dd8448eb211c80319c"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
ALLOWED = {200, 202, 204, 400, 405, 413, 415}


@pytest.fixture(scope="module")
def edge() -> Iterator[EdgeApp]:
    edge = EdgeApp()
    yield edge
    edge.close()


def batch() -> bytes:
    from thrift.protocol.TBinaryProtocol import TBinaryProtocol
    from thrift.transport.TTransport import TMemoryBuffer

    tags = [jaeger.Tag(key="k", vType=kind, vStr="s", vDouble=1.0, vBool=True, vLong=1) for kind in range(4)]
    it = jaeger.Span(
        traceIdLow=1, traceIdHigh=2, spanId=3, parentSpanId=4, operationName="GET /", flags=1, startTime=5, duration=6,
        tags=tags, logs=[jaeger.Log(timestamp=7, fields=tags)],
        references=[jaeger.SpanRef(refType=0, traceIdLow=1, traceIdHigh=2, spanId=4)],
    )  # fmt: skip
    buffer = TMemoryBuffer()
    jaeger.Batch(process=jaeger.Process(serviceName="cart", tags=tags), spans=[it, it]).write(TBinaryProtocol(buffer))
    return buffer.getvalue()


SPANS = spans_request(
    span(
        TX, "b" * 16, parent="a" * 16, status={"code": 2, "message": "m"},
        attributes={"t": "ä", "i": -1, "f": 0.5, "b": True, "l": [1, "x"], "m": {"k": 1}, "y": b"\xff"},
        events=[{"name": "e", "time_unix_nano": START, "attributes": attributes({"k": "v"})}],
        links=[{"trace_id": bytes(16), "span_id": bytes(8)}],
    ),
    span(TX, "c" * 16),
)  # fmt: skip
LOGS = logs_request(
    log(TX, "b" * 16, {"k": [1]}, attributes={"http.request.header.x-request-id": "r"}), log("", "", "x")
)
JSON_SPANS = json.dumps(
    {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": TX, "spanId": "b" * 16, "name": "n", "kind": 2}]}]}]}
).encode()
ZIPKIN = json.dumps([{"traceId": TX, "id": "b" * 16, "name": "n", "tags": {"a": "b"}, "timestamp": 1}]).encode()
GOOD = {
    ("/v1/traces", PROTOBUF): SPANS,
    ("/v1/logs", PROTOBUF): LOGS,
    ("/v1/traces", JSON): JSON_SPANS,
    ("/api/v2/spans", JSON): ZIPKIN,
    ("/api/traces", "application/x-thrift"): batch(),
}


def test_the_seeds_are_good(edge: EdgeApp) -> None:
    for (path, content_type), body in GOOD.items():
        status, answer = edge.post(path, body, {"content-type": content_type})
        assert status in (200, 202), answer


@st.composite
def changed(draw: st.DrawFn, body: bytes) -> bytes:
    """A good body with some bytes replaced, put in, taken out or repeated."""
    out = bytearray(body)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(out)))
        end = min(len(out), at + draw(st.integers(0, 12)))
        match draw(st.sampled_from("rpto")):
            case "r":
                out[at:end] = draw(st.binary(max_size=12))
            case "p":
                out[at:at] = draw(
                    st.sampled_from([b"\xff" * 9, b"\x00", b"\x7f\xff\xff\xff", b"\x80" * 8, b'"', b"[" * 50])
                )
            case "t":
                del out[at:end]
            case _:
                out[at:at] = out[at:end] * draw(st.integers(1, 20))
    return bytes(out)


@pytest.mark.parametrize("seed", GOOD, ids=" ".join)
def test_bodies_that_are_nearly_right(edge: EdgeApp, seed: tuple[str, str]) -> None:
    path, content_type = seed

    @EXAMPLES
    @given(changed(GOOD[seed]))
    def run(body: bytes) -> None:
        status, answer = edge.post(path, body, {"content-type": content_type})
        assert status in ALLOWED, (body, answer)

    run()


def test_any_bytes_anywhere(edge: EdgeApp) -> None:
    targets = [(path, kind) for path, kinds in edge.paths.items() for kind in [*kinds, "text/plain", "", "é"]]
    text = st.text(st.characters(max_codepoint=255), max_size=20)

    @EXAMPLES
    @given(
        st.sampled_from(targets), st.binary(max_size=300), st.sampled_from(["", "gzip", "zstd", "deflate", "br", "é"]),
        st.sampled_from(["POST", "OPTIONS", "GET", "PUT"]), st.dictionaries(st.sampled_from(["origin", "x-a"]), text),
    )  # fmt: skip
    def run(target: tuple[str, str], body: bytes, encoding: str, method: str, more: dict[str, str]) -> None:
        headers = {"content-type": target[1], "content-encoding": encoding, **more}
        status, answer = edge.post(target[0], body, headers, method)
        assert status in ALLOWED, answer

    run()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_compressed_bodies_that_are_nearly_right(edge: EdgeApp, encoding: str) -> None:
    pack = {"gzip": lambda it: gzip.compress(it, mtime=0), "deflate": zlib.compress, "zstd": zstd.compress}[encoding]

    @EXAMPLES
    @given(changed(pack(SPANS * 20)))
    def run(body: bytes) -> None:
        headers = {"content-type": PROTOBUF, "content-encoding": encoding}
        status, answer = edge.post("/v1/traces", body, headers)
        assert status in ALLOWED, answer

    run()


_WEIRD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10),
    st.sampled_from(["", "NaN", "-1", str(1 << 64), TX, "b" * 16, "\ud800", 1 << 63, -(1 << 63), 1e400, [], {}, [[]]]),
)  # fmt: skip


def documents(names: list[str]) -> st.SearchStrategy[Any]:
    """JSON in which the names are a format's own and the values are anything."""
    return st.recursive(
        _WEIRD,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(names), inner, max_size=6),
            st.dictionaries(st.text(max_size=5), inner, max_size=2),
        ),
        max_leaves=25,
    )  # fmt: skip


OTLP_NAMES = [
    "resource", "scope", "traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano",
    "attributes", "key", "value", "stringValue", "intValue", "doubleValue", "boolValue", "arrayValue", "kvlistValue",
    "bytesValue", "values", "events", "timeUnixNano", "links", "status", "code", "message", "flags", "traceState",
    "severityNumber", "body", "observedTimeUnixNano", "droppedAttributesCount",
]  # fmt: skip
ZIPKIN_NAMES = [
    "traceId", "id", "parentId", "name", "kind", "timestamp", "duration", "localEndpoint", "remoteEndpoint",
    "serviceName", "ipv4", "ipv6", "port", "annotations", "value", "tags", "shared", "debug",
]  # fmt: skip


def dumped(document: Any) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("path", "outer"), [("/v1/traces", ("resourceSpans", "scopeSpans", "spans")), ("/v1/logs", ("resourceLogs", "scopeLogs", "logRecords"))]
)  # fmt: skip
def test_odd_otlp_json(edge: EdgeApp, path: str, outer: tuple[str, str, str]) -> None:
    ids = st.fixed_dictionaries({"traceId": st.just(TX), "spanId": st.just("b" * 16)})

    @EXAMPLES
    @given(st.lists(st.tuples(ids, st.dictionaries(st.sampled_from(OTLP_NAMES), documents(OTLP_NAMES), max_size=6))))
    def run(items: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        document = {outer[0]: [{outer[1]: [{outer[2]: [{**known, **more} for known, more in items]}]}]}
        status, answer = edge.post(path, dumped(document), {"content-type": JSON})
        assert status in ALLOWED, answer
        json.loads(answer)

    run()


def test_odd_zipkin_json(edge: EdgeApp) -> None:
    ids = st.fixed_dictionaries({"traceId": st.just("1"), "id": st.just("2")})
    fields = st.dictionaries(st.sampled_from(ZIPKIN_NAMES), documents(ZIPKIN_NAMES), max_size=6)

    @EXAMPLES
    @given(st.one_of(documents(ZIPKIN_NAMES), st.lists(st.tuples(ids, fields).map(lambda it: it[0] | it[1]))))
    def run(document: Any) -> None:
        status, answer = edge.post("/api/v2/spans", dumped(document), {"content-type": JSON})
        assert status in ALLOWED, answer

    run()


@st.composite
def thrift_struct(draw: st.DrawFn, depth: int = 0) -> bytes:
    """Any fields of any types under the ids that Jaeger's structs use, in Thrift's binary protocol."""
    out = b""
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from([2, 3, 4, 6, 8, 10, 11, 12, 15] if depth < 4 else [2, 8, 10, 11]))
        out += struct.pack(">bh", kind, draw(st.integers(0, 12))) + draw(thrift_value(kind, depth))
    return out + b"\x00"


def thrift_value(kind: int, depth: int) -> st.SearchStrategy[bytes]:
    sizes = {2: 1, 3: 1, 4: 8, 6: 2, 8: 4, 10: 8}
    if kind in sizes:
        return st.binary(min_size=sizes[kind], max_size=sizes[kind])
    if kind == 11:
        return st.binary(max_size=8).map(lambda it: struct.pack(">i", len(it)) + it)
    if kind == 12:
        return thrift_struct(depth + 1)
    return st.lists(thrift_struct(depth + 1), max_size=3).map(lambda it: struct.pack(">bi", 12, len(it)) + b"".join(it))


def test_odd_thrift(edge: EdgeApp) -> None:
    @EXAMPLES
    @given(thrift_struct())
    def run(body: bytes) -> None:
        status, answer = edge.post("/api/traces", body, {"content-type": "application/x-thrift"})
        assert status in ALLOWED, answer

    run()


@pytest.mark.socket
def test_any_bytes_over_grpc() -> None:
    codes = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
    services = [("trace", "TraceService"), ("logs", "LogsService"), ("metrics", "MetricsService")]
    with running() as it, grpc.insecure_channel(f"127.0.0.1:{it.grpc_port}") as channel:
        calls = [
            channel.unary_unary(f"/opentelemetry.proto.collector.{folder}.v1.{name}/Export")
            for folder, name in services
        ]

        @EXAMPLES
        @given(st.sampled_from(calls), st.one_of(st.binary(max_size=200), changed(SPANS), changed(LOGS)))
        def run(call: Any, body: bytes) -> None:
            try:
                call(body, timeout=30)
            except grpc.RpcError as error:
                assert error.code() in codes, error  # noqa: PT017 - which error, if any, is the question

        run()
        assert calls[0](SPANS, timeout=30) == b""


@pytest.mark.socket
def test_any_bytes_into_the_http_port() -> None:
    good = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 3\r\n\r\n\xff\xff\xff"
    chunked = b"POST /api/v2/spans HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"
    with running(read=0.2) as it:

        @EXAMPLES
        @given(st.one_of(changed(good), changed(chunked), st.binary(max_size=100)))
        def run(sent: bytes) -> None:
            with socket.create_connection(("127.0.0.1", it.port), timeout=20) as sender:
                sender.sendall(sent)
                sender.shutdown(socket.SHUT_WR)
                try:
                    answer = sender.recv(65536)
                except ConnectionResetError:
                    answer = b""
            assert not answer or answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")), (sent, answer)

        run()
        assert it.post().status == 200


@pytest.mark.clickhouse
@pytest.mark.parametrize("seed", GOOD, ids=" ".join)
def test_what_is_accepted_can_be_stored(writer: ClickHouseWriter, seed: tuple[str, str]) -> None:
    """Else it would be refused in direct mode and put aside behind Kafka, after the sender was told all is well."""
    edge = EdgeApp()

    @settings(EXAMPLES, max_examples=MORE or 100)
    @given(changed(GOOD[seed]))
    def run(body: bytes) -> None:
        edge.post(seed[0], body, {"content-type": seed[1]})

    run()
    edge.close()
    refused = list(not_stored(writer, edge.bus.messages))
    assert refused == []


def not_stored(writer: ClickHouseWriter, messages: list[tuple[Signal, bytes]]) -> Iterator[tuple[Signal, bytes, str]]:
    """Halves what fails; all in few inserts where all is well."""
    groups = [[(signal, message) for signal, message in messages if signal is one] for one in Signal]
    while groups:
        group = groups.pop()
        if not group:
            continue
        try:
            writer.insert(group[0][0], [message for _, message in group], os.urandom(8).hex())
        except BadMessage as error:
            if len(group) == 1:
                yield *group[0], str(error)
            else:
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
