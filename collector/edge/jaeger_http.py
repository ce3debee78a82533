"""Jaeger's HTTP API: POST /api/traces with a Thrift batch in the binary protocol, its spans as OTLP.

Jaeger's idl (jaeger.thrift) and OpenTelemetry's "OpenTelemetry to Jaeger Transformation" read backwards; the names of
OpenTracing's error fields are those of "OpenTracing Compatibility".
"""

import struct
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.Thrift import TException, TType
from thrift.transport.TTransport import TMemoryBuffer

from weftline.collector.edge.otel_tags import Request, Value, key_values, take_out
from weftline.collector.edge.otlp import Receiver
from weftline.collector.edge.route import Dialect, Route, text
from weftline.collector.errors import BadMessage
from weftline.collector.store.protocol import Signal

_MAX_LIST = 1 << 18
"""Elements; a list says its length before any of it has come."""

KINDS = {
    "client": Span.SPAN_KIND_CLIENT,
    "server": Span.SPAN_KIND_SERVER,
    "producer": Span.SPAN_KIND_PRODUCER,
    "consumer": Span.SPAN_KIND_CONSUMER,
    "internal": Span.SPAN_KIND_INTERNAL,
}
_ERROR_FIELDS = {"error.kind": "exception.type", "message": "exception.message", "stack": "exception.stacktrace"}


class _Struct:
    """``thrift_spec`` is what the thrift library reads by: id, type, name, element type, default; index is the id."""

    thrift_spec: tuple[Any, ...]

    def __init__(self) -> None:
        for field in filter(None, self.thrift_spec):
            setattr(self, field[2], field[4])


class _Tag(_Struct):
    thrift_spec = (
        None,
        (1, TType.STRING, "key", "UTF8", ""),
        (2, TType.I32, "type", None, 0),
        (3, TType.STRING, "string", "UTF8", ""),
        (4, TType.DOUBLE, "double", None, 0.0),
        (5, TType.BOOL, "bool", None, False),
        (6, TType.I64, "long", None, 0),
        (7, TType.STRING, "binary", "BINARY", b""),
    )


_TAGS = (TType.STRUCT, [_Tag, _Tag.thrift_spec], False)


class _Log(_Struct):
    thrift_spec = (None, (1, TType.I64, "timestamp", None, 0), (2, TType.LIST, "fields", _TAGS, ()))


class _Reference(_Struct):
    thrift_spec = (
        None,
        (1, TType.I32, "type", None, 0),
        (2, TType.I64, "trace_low", None, 0),
        (3, TType.I64, "trace_high", None, 0),
        (4, TType.I64, "span_id", None, 0),
    )


class _Span(_Struct):
    thrift_spec = (
        None,
        (1, TType.I64, "trace_low", None, 0),
        (2, TType.I64, "trace_high", None, 0),
        (3, TType.I64, "span_id", None, 0),
        (4, TType.I64, "parent_id", None, 0),
        (5, TType.STRING, "operation", "UTF8", ""),
        (6, TType.LIST, "references", (TType.STRUCT, [_Reference, _Reference.thrift_spec], False), ()),
        (7, TType.I32, "flags", None, 0),
        (8, TType.I64, "start", None, 0),
        (9, TType.I64, "duration", None, 0),
        (10, TType.LIST, "tags", _TAGS, ()),
        (11, TType.LIST, "logs", (TType.STRUCT, [_Log, _Log.thrift_spec], False), ()),
    )


class _Process(_Struct):
    thrift_spec = (None, (1, TType.STRING, "service", "UTF8", ""), (2, TType.LIST, "tags", _TAGS, ()))


class _Batch(_Struct):
    thrift_spec = (
        None,
        (1, TType.STRUCT, "process", [_Process, _Process.thrift_spec], None),
        (2, TType.LIST, "spans", (TType.STRUCT, [_Span, _Span.thrift_spec], False), ()),
    )


def routes(receiver: Receiver) -> dict[str, Route]:
    """By path. Other agents' `?format=jaeger.thrift` is not needed: the content type says it."""
    answer = Dialect("text/plain", to_otlp, lambda _: (202, b""), text)
    types = ("application/vnd.apache.thrift.binary", "application/x-thrift")
    return {
        "/api/traces": Route(
            Signal.SPANS,
            receiver,
            dict.fromkeys(types, answer),
            lambda message, hold, tenant: receiver.receive(Signal.SPANS, message, hold, tenant),
        )
    }


def to_otlp(body: bytes) -> bytes:
    """A Jaeger `Batch` as an ExportTraceServiceRequest; raises `BadMessage`."""
    batch: Any = _Batch()
    protocol = TBinaryProtocolAccelerated(
        TMemoryBuffer(body), string_length_limit=len(body), container_length_limit=_MAX_LIST, fallback=False
    )
    try:
        protocol._fast_decode(batch, protocol, [_Batch, _Batch.thrift_spec])  # noqa: SLF001 - as its generated code does
    except (TException, EOFError, ValueError, OverflowError, MemoryError, TypeError, struct.error) as error:
        raise BadMessage(f"The body is not a Jaeger batch in Thrift's binary protocol: {error}.") from None
    resource: dict[str, Value] = {}
    if batch.process is not None:
        resource = _values(batch.process.tags)
        if "hostname" in resource:
            resource["host.name"] = resource.pop("hostname")
        resource["service.name"] = batch.process.service
    request = Request()
    try:
        for it in batch.spans:
            span = Span()
            scope = _fill(span, it)
            request.add(span, resource, scope)
        return request.message.SerializeToString()
    except ValueError as error:
        raise BadMessage(f"A span of the batch can't be stored: {error}.") from None


def _fill(span: Span, it: Any) -> tuple[str, str]:
    tags = _values(it.tags)
    kind = str(tags.get("span.kind", "")).lower()
    if kind in KINDS:
        span.kind = KINDS[kind]
        del tags["span.kind"]
    scope = take_out(tags, span)
    span.trace_id, span.span_id = _trace_id(it), _span_id(it.span_id)
    span.name = it.operation
    span.flags = it.flags & 1  # Jaeger's bit for "sampled" is W3C's
    span.start_time_unix_nano = _nanoseconds(it.start)
    span.end_time_unix_nano = span.start_time_unix_nano + _nanoseconds(it.duration)
    span.attributes.extend(key_values(tags))
    _references(span, it)
    for log in it.logs:
        name, fields = event_of(_values(log.fields))
        span.events.add(time_unix_nano=_nanoseconds(log.timestamp), name=name, attributes=key_values(fields))
    return scope


def _references(span: Span, it: Any) -> None:
    """The parent is the parent id, else the first CHILD_OF of the same trace; every other reference is a link."""
    parent = it.parent_id
    for reference in it.references:
        same = _trace_id(reference) == span.trace_id
        child = reference.type == 0
        parent = parent or (reference.span_id if same and child else 0)
        if not (same and child and reference.span_id == parent):
            span.links.add(
                trace_id=_trace_id(reference),
                span_id=_span_id(reference.span_id),
                attributes=key_values({"opentracing.ref_type": "child_of" if child else "follows_from"}),
            )
    span.parent_span_id = _span_id(parent) if parent else b""


def event_of(fields: dict[str, Value]) -> tuple[str, dict[str, Value]]:
    """Name and attributes of an event; ``fields`` is used up.

    OpenTracing names an event by its field `event`; OpenTelemetry's exporter put the name into `message`.
    """
    if fields.get("event") == "error":
        del fields["event"]
        fields.pop("error.object", None)
        return "exception", {_ERROR_FIELDS.get(key, key): value for key, value in fields.items()}
    for key in ("event", "message"):
        if isinstance(fields.get(key), str):
            return str(fields.pop(key)), fields
    return "log", fields


def _values(tags: Any) -> dict[str, Value]:
    fields = ("string", "double", "bool", "long", "binary")
    return {tag.key: getattr(tag, fields[tag.type]) if 0 <= tag.type < len(fields) else tag.string for tag in tags}


def _trace_id(it: Any) -> bytes:
    return struct.pack(">qq", it.trace_high, it.trace_low)


def _span_id(number: int) -> bytes:
    return struct.pack(">q", number)


def _nanoseconds(microseconds: int) -> int:
    return max(0, min(microseconds, (1 << 62) // 1000)) * 1000
