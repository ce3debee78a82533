"""Traces in Jaeger's UI model (v1 JSON), as its UI downloads them and `/api/traces` answers, as OTLP. Pure.

Jaeger's internal/uimodel and OpenTelemetry's "OpenTelemetry to Jaeger Transformation" read backwards, as
`edge/jaeger_http.py` does for Thrift.
"""

import base64
import binascii
import re
from typing import Any, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from weftline.collector.edge.jaeger_http import KINDS, event_of
from weftline.collector.edge.otel_tags import Request, Value, key_values, take_out
from weftline.collector.errors import BadMessage

_MAX_MICROSECONDS: Final = (1 << 63) // 1000 - 1


def is_trace(it: object) -> bool:
    return isinstance(it, dict) and "spans" in it and ("traceID" in it or "processes" in it)


def to_otlp(trace: dict[str, Any]) -> bytes:
    """One trace as an ExportTraceServiceRequest; raises `BadMessage` that says where in the trace it is wrong."""
    processes = _object(trace.get("processes", {}), "processes")
    resources = {key: _resource(it, f"processes.{key}") for key, it in processes.items()}
    request = Request()
    for index, it in enumerate(_list(trace.get("spans"), "spans")):
        where = f"spans[{index}]"
        one = _object(it, where)
        resource = resources.get(str(one.get("processID", "")))
        if resource is None:
            resource = _resource(one["process"], f"{where}.process") if "process" in one else {}
        span = Span()
        try:
            scope = _fill(span, one, where)
            request.add(span, resource, scope)
        except ValueError as error:  # text that is no text: half a surrogate pair; a number that is too large
            raise BadMessage(f"{where}: {error}.") from None
    return request.message.SerializeToString()


def _resource(it: Any, where: str) -> dict[str, Value]:
    process = _object(it, where)
    tags = _tags(process.get("tags"), f"{where}.tags")
    if "hostname" in tags:
        tags["host.name"] = tags.pop("hostname")
    name = str(process.get("serviceName", ""))
    # What Jaeger calls a resource that says nothing is no service of that name.
    return {**tags, "service.name": name} if name and name != "OTLPResourceNoServiceName" else tags


def _fill(span: Span, it: dict[str, Any], where: str) -> tuple[str, str]:
    tags = _tags(it.get("tags"), f"{where}.tags")
    kind = str(tags.get("span.kind", "")).lower()
    if kind in KINDS:
        span.kind = KINDS[kind]
        del tags["span.kind"]
    scope = take_out(tags, span)
    for older in ("otel.library.name", "otel.library.version"):
        tags.pop(older, None)
    if span.status.code == span.status.STATUS_CODE_ERROR and tags.get("error") is True:
        del tags["error"]
    span.trace_id, span.span_id = _id(it, "traceID", 32, where), _id(it, "spanID", 16, where)
    span.name = str(it.get("operationName", ""))
    span.flags = int(it.get("flags") or 0) & 1
    span.start_time_unix_nano = _nanoseconds(it.get("startTime"), f"{where}.startTime")
    span.end_time_unix_nano = span.start_time_unix_nano + _nanoseconds(it.get("duration"), f"{where}.duration")
    span.attributes.extend(key_values(tags))
    _references(span, it, where)
    for number, log in enumerate(_list(it.get("logs"), f"{where}.logs")):
        at = f"{where}.logs[{number}]"
        name, fields = event_of(_tags(_object(log, at).get("fields"), f"{at}.fields"))
        time = _nanoseconds(log.get("timestamp"), f"{at}.timestamp")
        span.events.add(time_unix_nano=time, name=name, attributes=key_values(fields))
    return scope


def _references(span: Span, it: dict[str, Any], where: str) -> None:
    """The parent is `parentSpanID`, else the first reference (CHILD_OF first) of the same trace; the rest are links."""
    if it.get("parentSpanID"):
        span.parent_span_id = _id(it, "parentSpanID", 16, where)
    for number, reference in enumerate(_list(it.get("references"), f"{where}.references")):
        at = f"{where}.references[{number}]"
        one = _object(reference, at)
        trace_id, span_id = _id(one, "traceID", 32, at), _id(one, "spanID", 16, at)
        child = one.get("refType") != "FOLLOWS_FROM"
        if trace_id == span.trace_id and child and span.parent_span_id in (b"", span_id):
            span.parent_span_id = span_id
            continue
        kind = {"opentracing.ref_type": "child_of" if child else "follows_from"}
        span.links.add(trace_id=trace_id, span_id=span_id, attributes=key_values(kind))


def _tags(them: Any, where: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for index, it in enumerate(_list(them, where)):
        tag = _object(it, f"{where}[{index}]")
        found[str(tag.get("key", ""))] = _value(tag.get("type"), tag.get("value"), f"{where}[{index}]")
    return found


def _value(type_: Any, value: Any, where: str) -> Value:
    try:
        match str(type_ or "").lower():
            case "int64" | "long":
                return int(value)
            case "float64" | "double":
                return float(value)
            case "bool":
                return value if isinstance(value, bool) else str(value).lower() == "true"
            case "binary":
                return base64.b64decode(str(value), validate=True)
    except (ValueError, TypeError, binascii.Error):
        raise BadMessage(f"{where}: {str(value)[:64]!r} is no {type_}.") from None
    if isinstance(value, float | bool) or (isinstance(value, int) and -(1 << 63) <= value < 1 << 63):
        return value
    return str(value)


def _id(it: dict[str, Any], name: str, digits: int, where: str) -> bytes:
    text = it.get(name)
    if not isinstance(text, str) or not re.fullmatch(f"[0-9a-fA-F]{{1,{digits}}}", text):
        raise BadMessage(f"{where}.{name} is {str(text)[:64]!r}, not 1 to {digits} hexadecimal digits.")
    return bytes.fromhex(text.zfill(digits))


def _nanoseconds(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_MICROSECONDS:
        raise BadMessage(f"{where} is {str(value)[:64]!r}, not a number of microseconds.")
    return int(value) * 1000


def _object(it: Any, where: str) -> dict[str, Any]:
    if not isinstance(it, dict):
        raise BadMessage(f"{where} is not an object.")
    return it


def _list(it: Any, where: str) -> list[Any]:
    if it is not None and not isinstance(it, list):
        raise BadMessage(f"{where} is not a list.")
    return it or []
