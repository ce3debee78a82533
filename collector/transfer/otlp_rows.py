"""Rows of the store as OTLP requests, in JSON or protobuf: what an import makes the same rows of. Pure.

Numbers and booleans among a span's own attributes are that again; all else is text in the store, and here. Text that is
no UTF-8 (bytes) raises TypeError or ValueError.
"""

import functools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)

Tree = dict[str, Any]
"""A message as its class's constructor takes it: names of protobuf, ids as bytes."""

Scope = tuple[str, str, Mapping[str, str]]
"""Name, version, attributes."""

_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_NO_ID: Final = frozenset({"0" * 16, "0" * 32})


def spans_request(rows: Iterable[tuple[Any, ...]]) -> Tree:
    """Rows of `read/export_spans.sql` as an ExportTraceServiceRequest."""
    return {"resource_spans": _grouped(map(_span, rows), "scope_spans", "spans")}


def logs_request(rows: Iterable[tuple[Any, ...]]) -> Tree:
    """Rows of `read/export_logs.sql` or `read/export_access_logs.sql` as an ExportLogsServiceRequest."""
    return {"resource_logs": _grouped(map(_record, rows), "scope_logs", "log_records")}


REQUESTS: Final[Mapping[str, Callable[[Iterable[tuple[Any, ...]]], Tree]]] = {
    "spans": spans_request,
    "logs": logs_request,
    "access_logs": logs_request,
}
"""By table."""


def protobuf(request: Tree) -> bytes:
    kind = ExportTraceServiceRequest if "resource_spans" in request else ExportLogsServiceRequest
    return kind(**request).SerializeToString()


def framed_protobuf(request: Tree) -> bytes:
    """With four bytes of length before it (big-endian), as the OpenTelemetry Collector's file exporter writes it."""
    message = protobuf(request)
    return len(message).to_bytes(4, "big") + message


def json_line(request: Tree) -> bytes:
    """OTLP's JSON: lowerCamelCase, ids in hex, 64-bit numbers as text."""
    return _COMPACT.encode(_as_json(request)).encode() + b"\n"


def _grouped(items: Iterable[tuple[Mapping[str, str], Scope, Tree]], scopes: str, name: str) -> list[Tree]:
    """(resource, scope, item)s, those of one resource and scope together; order is kept within them."""
    resources: dict[object, Tree] = {}
    lists: dict[object, list[Tree]] = {}
    for resource, (scope, version, of_scope), item in items:
        key = tuple(resource.items())
        if key not in resources:
            resources[key] = {"resource": {"attributes": _attributes(resource)}, scopes: []}
        within = (key, scope, version, tuple(of_scope.items()))
        if within not in lists:
            lists[within] = []
            resources[key][scopes].append({"scope": _scope(scope, version, of_scope), name: lists[within]})
        lists[within].append(item)
    return list(resources.values())


def _span(row: tuple[Any, ...]) -> tuple[Mapping[str, str], Scope, Tree]:
    (
        time, duration, trace_id, span_id, parent, trace_state, flags, name, kind, status, message, scope, version,
        of_scope, resource, attributes, event_times, event_names, event_attributes,
        link_traces, link_spans, link_attributes, types,
    ) = row  # fmt: skip
    span: Tree = {
        "trace_id": bytes.fromhex(trace_id),
        "span_id": bytes.fromhex(span_id),
        "name": name,
        "kind": kind,
        "start_time_unix_nano": time,
        "end_time_unix_nano": time + duration,
        "attributes": _typed(attributes, types) if types else _attributes(attributes),
    }
    if parent not in _NO_ID:
        span["parent_span_id"] = bytes.fromhex(parent)
    if trace_state:
        span["trace_state"] = trace_state
    if flags:
        span["flags"] = flags
    if status or message:
        span["status"] = {"code": status, "message": message}
    if event_times:
        events = zip(event_times, event_names, event_attributes, strict=True)
        span["events"] = [
            {"time_unix_nano": at, "name": what, "attributes": _attributes(it)} for at, what, it in events
        ]
    if link_traces:
        links = zip(link_traces, link_spans, link_attributes, strict=True)
        span["links"] = [
            {"trace_id": bytes.fromhex(trace), "span_id": bytes.fromhex(id_), "attributes": _attributes(it)}
            for trace, id_, it in links
        ]
    return resource, (scope, version, of_scope), span


def _record(row: tuple[Any, ...]) -> tuple[Mapping[str, str], Scope, Tree]:
    time, trace_id, span_id, severity, severity_text, body, event_name, scope, resource, attributes = row
    record: Tree = {"time_unix_nano": time, "attributes": _attributes(attributes)}
    if trace_id not in _NO_ID:
        record["trace_id"] = bytes.fromhex(trace_id)
    if span_id not in _NO_ID:
        record["span_id"] = bytes.fromhex(span_id)
    if severity:
        record["severity_number"] = severity
    if severity_text:
        record["severity_text"] = severity_text
    if body:
        record["body"] = {"string_value": body}
    if event_name:
        record["event_name"] = event_name
    return resource, (scope, "", {}), record


def _scope(name: str, version: str, attributes: Mapping[str, str]) -> Tree:
    it: Tree = {"name": name, "version": version}
    return {key: value for key, value in it.items() if value} | (
        {"attributes": _attributes(attributes)} if attributes else {}
    )


def _attributes(them: Mapping[str, str]) -> Sequence[Tree]:
    return [{"key": key, "value": {"string_value": value}} for key, value in them.items()]


def _typed(attributes: Mapping[str, str], types: Mapping[str, str]) -> Sequence[Tree]:
    return [{"key": key, "value": value_of(text, types.get(key, ""))} for key, text in attributes.items()]


def value_of(text: str, type_: str) -> Tree:
    """An AnyValue; what does not read as its type is text."""
    try:
        match type_:
            case "int":
                return {"int_value": int(text)}
            case "double":
                return {"double_value": float(text)}
            case "bool":
                return {"bool_value": text == "true"}
    except ValueError:
        pass
    return {"string_value": text}


def _as_json(it: Any) -> Any:
    if isinstance(it, dict):
        return {_camel(key): _of_field(key, value) for key, value in it.items()}
    return [_as_json(one) for one in it] if isinstance(it, list) else it


def _of_field(name: str, value: Any) -> Any:
    if name == "attributes":  # nearly all there is of a request
        return [{"key": it["key"], "value": _value_json(it["value"])} for it in value]
    if name in _IDS:
        return value.hex()
    return str(value) if name.endswith("_unix_nano") else _as_json(value)


def _value_json(value: Tree) -> Tree:
    [(name, it)] = value.items()
    match name:
        case "string_value":
            return {"stringValue": it}
        case "int_value":
            return {"intValue": str(it)}
        case "double_value":  # protobuf's JSON mapping has names for what JSON has no numbers for
            return {
                "doubleValue": it
                if math.isfinite(it)
                else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(it, "NaN")
            }
    return {"boolValue": it}


@functools.cache
def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
