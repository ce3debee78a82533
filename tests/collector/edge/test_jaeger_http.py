"""Jaeger's spans as OTLP, field by field; the bytes are made by the code that Thrift's compiler made out of Jaeger's idl."""

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from support.jaeger_idl import ttypes as jaeger
from support.otlp import attributes
from weftline.collector.edge.jaeger_http import to_otlp
from weftline.collector.errors import BadMessage

LOW, HIGH = 0x03D269B633813FC6, -0x1122334455667788
TRACE = (HIGH & (1 << 64) - 1).to_bytes(8, "big") + LOW.to_bytes(8, "big")


def tag(key: str, value: Any) -> jaeger.Tag:
    field, kind = {
        str: ("vStr", 0),
        float: ("vDouble", 1),
        bool: ("vBool", 2),
        int: ("vLong", 3),
        bytes: ("vBinary", 4),
    }[type(value)]
    return jaeger.Tag(key=key, vType=kind, **{field: value})


def tags(**them: Any) -> list[jaeger.Tag]:
    return [tag(key.replace("__", "."), value) for key, value in them.items()]


def span(**fields: Any) -> jaeger.Span:
    known = {
        "traceIdLow": LOW, "traceIdHigh": HIGH, "spanId": -2, "parentSpanId": 0, "operationName": "GET /", "flags": 1,
        "startTime": 1_795_000_000_000_000, "duration": 250,
    }  # fmt: skip
    return jaeger.Span(**{**known, **fields})


def batch(*spans: jaeger.Span, process: list[jaeger.Tag] | None = None) -> bytes:
    buffer = TMemoryBuffer()
    jaeger.Batch(process=jaeger.Process(serviceName="cart", tags=process), spans=list(spans)).write(
        TBinaryProtocol(buffer)
    )
    return buffer.getvalue()


def convert(*spans: jaeger.Span, process: list[jaeger.Tag] | None = None) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(to_otlp(batch(*spans, process=process)))


def one(**fields: Any) -> Span:
    [resource] = convert(span(**fields)).resource_spans
    return resource.scope_spans[0].spans[0]


def test_every_field() -> None:
    it = span(
        parentSpanId=7,
        tags=tags(t="ä", d=0.5, b=False, n=-3, y=b"\x00\xff", span__kind="server"),
        logs=[jaeger.Log(timestamp=1_795_000_000_000_100, fields=tags(event="cache miss", key="k"))],
        references=[jaeger.SpanRef(refType=1, traceIdLow=1, traceIdHigh=2, spanId=3)],
    )
    [resource] = convert(it, process=tags(hostname="h", ip="10.0.0.1", n=1)).resource_spans
    assert list(resource.resource.attributes) == attributes(
        {"ip": "10.0.0.1", "n": 1, "host.name": "h", "service.name": "cart"}
    )
    assert list(resource.scope_spans[0].spans) == [
        Span(
            trace_id=TRACE, span_id=b"\xff" * 7 + b"\xfe", parent_span_id=bytes(7) + b"\x07", name="GET /", flags=1,
            kind=Span.SPAN_KIND_SERVER, start_time_unix_nano=1_795_000_000_000_000_000,
            end_time_unix_nano=1_795_000_000_000_250_000,
            attributes=attributes({"t": "ä", "d": 0.5, "b": False, "n": -3, "y": b"\x00\xff"}),
            events=[
                Span.Event(time_unix_nano=1_795_000_000_000_100_000, name="cache miss", attributes=attributes({"key": "k"}))
            ],
            links=[
                Span.Link(
                    trace_id=bytes(7) + b"\x02" + bytes(7) + b"\x01", span_id=bytes(7) + b"\x03",
                    attributes=attributes({"opentracing.ref_type": "follows_from"}),
                )
            ],
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "becomes", "left"),
    [
        ("client", Span.SPAN_KIND_CLIENT, {}),
        ("Server", Span.SPAN_KIND_SERVER, {}),
        ("producer", Span.SPAN_KIND_PRODUCER, {}),
        ("consumer", Span.SPAN_KIND_CONSUMER, {}),
        ("internal", Span.SPAN_KIND_INTERNAL, {}),
        ("odd", Span.SPAN_KIND_UNSPECIFIED, {"span.kind": "odd"}),
    ],
)
def test_kinds(kind: str, becomes: int, left: dict[str, str]) -> None:
    it = one(tags=tags(span__kind=kind))
    assert (it.kind, list(it.attributes)) == (becomes, attributes(left))
    assert one().kind == Span.SPAN_KIND_UNSPECIFIED


@pytest.mark.parametrize(
    ("given", "code", "message", "left"),
    [
        ({}, 0, "", {}),
        ({"error": True}, 2, "", {}),
        ({"error": "true"}, 2, "", {}),
        ({"error": False}, 0, "", {"error": False}),
        ({"otel__status_code": "ERROR", "otel__status_description": "declined", "error": True}, 2, "declined", {}),
        ({"otel__status_code": "OK"}, 1, "", {}),
    ],
)
def test_status(given: dict[str, Any], code: int, message: str, left: dict[str, Any]) -> None:
    it = one(tags=tags(**given))
    assert (it.status.code, it.status.message, list(it.attributes)) == (code, message, attributes(left))


CHILD, FOLLOWS = 0, 1


@pytest.mark.parametrize(
    ("parent", "references", "becomes", "links"),
    [
        (0, [], 0, []),
        (7, [], 7, []),
        (7, [(CHILD, True, 7)], 7, []),
        (0, [(CHILD, True, 7)], 7, []),
        (0, [(CHILD, True, 7), (CHILD, True, 8)], 7, [(8, "child_of")]),
        (0, [(FOLLOWS, True, 7)], 0, [(7, "follows_from")]),
        (0, [(CHILD, False, 7)], 0, [(7, "child_of")]),
        (7, [(FOLLOWS, True, 7)], 7, [(7, "follows_from")]),
    ],
)
def test_references(parent: int, references: list, becomes: int, links: list) -> None:
    it = one(
        parentSpanId=parent,
        references=[
            jaeger.SpanRef(refType=kind, traceIdLow=LOW if same else 9, traceIdHigh=HIGH, spanId=id_)
            for kind, same, id_ in references
        ],
    )
    assert int.from_bytes(it.parent_span_id, "big") == becomes
    assert [(int.from_bytes(link.span_id, "big"), link.attributes[0].value.string_value) for link in it.links] == links


@pytest.mark.parametrize(
    ("fields", "name", "left"),
    [
        ({"event": "retry", "n": 1}, "retry", {"n": 1}),
        ({"message": "from opentelemetry", "n": 1}, "from opentelemetry", {"n": 1}),
        ({"event": "retry", "message": "again"}, "retry", {"message": "again"}),
        ({"n": 1}, "log", {"n": 1}),
        (
            {"event": "error", "error__kind": "E", "message": "no", "stack": "at …", "error__object": "<E>", "n": 1},
            "exception",
            {"exception.type": "E", "exception.message": "no", "exception.stacktrace": "at …", "n": 1},
        ),
    ],
)
def test_logs(fields: dict[str, Any], name: str, left: dict[str, Any]) -> None:
    [event] = one(logs=[jaeger.Log(timestamp=1, fields=tags(**fields))]).events
    assert (event.time_unix_nano, event.name, list(event.attributes)) == (1000, name, attributes(left))


def test_a_span_without_an_id_is_left_to_the_check_of_all_spans() -> None:
    assert one(spanId=0).span_id == bytes(8)


def test_times_out_of_range_are_kept_in_it() -> None:
    it = one(startTime=-5, duration=(1 << 63) - 1)
    assert (it.start_time_unix_nano, it.end_time_unix_nano // 1000) == (0, (1 << 62) // 1000)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello, world",
        batch(span())[:-5],
        b"\x0c\x00\x63" * 1_000_000,  # nested a million deep
        b"\x0f\x00\x02\x0c\x7f\xff\xff\xff",  # two thousand million spans
        b"\x0f\x00\x02\x0c\xff\xff\xff\xff",  # minus one
        b"\x0c\x00\x01\x0b\x00\x01\x7f\xff\xff\xff",  # a service name of 2 GiB
    ],
    ids=["empty", "text", "cut", "deep", "long list", "negative", "long string"],
)
def test_bad_batches_are_refused(body: bytes) -> None:
    with pytest.raises(BadMessage, match="not a Jaeger batch"):
        to_otlp(body)


def test_text_that_is_not_utf8_is_kept_as_far_as_it_is_text() -> None:
    body = batch(span(operationName="caf?")).replace(b"caf?", b"caf\xe9")
    request = ExportTraceServiceRequest.FromString(to_otlp(body))
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "caf\ufffd"


def test_fields_of_tomorrow_are_passed_over() -> None:
    assert to_otlp(b"\x0c\x00\x63\x0b\x00\x01\x00\x00\x00\x01a\x00" + batch(span())) == to_otlp(batch(span()))
