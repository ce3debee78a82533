"""OTLP in JSON → Jaeger's UI model, as OpenTelemetry's translator makes it: what `POST /api/transform` answers. Pure.

Unlike rows of the store, values have their types here.
"""

import base64
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from weftline.collector import otlp_json
from weftline.collector.store.protocol import SpanLink
from weftline.query.routes.jaeger_v1_model import NO_SERVICE, SAFE_INT, Json, process_id, references

KINDS: Final = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
STATUSES: Final = {1: "OK", 2: "ERROR"}
WARNINGS: Final = "@jaeger@warnings"
"""Attribute in which Jaeger keeps a span's warnings while the span is OTLP."""


def transform(body: bytes) -> list[Json]:
    """One entry of the envelope's ``data`` for each trace, in order of appearance; raises `BadMessage`."""
    message = ExportTraceServiceRequest()
    message.ParseFromString(otlp_json.to_protobuf(ExportTraceServiceRequest, body))
    traces: dict[str, _Trace] = {}
    for resource_spans in message.resource_spans:
        process = _process(resource_spans.resource)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                trace_id = span.trace_id.hex().removeprefix("0" * 16)
                traces.setdefault(trace_id, _Trace(trace_id)).add(span, scope_spans.scope, process)
    return [trace.json() for trace in traces.values()]


class _Trace:
    def __init__(self, trace_id: str) -> None:
        self._id = trace_id
        self._spans: list[Json] = []
        self._processes: dict[str, Json] = {}
        self._ids: dict[str, str] = {}

    def add(self, span: Span, scope: InstrumentationScope, process: Json) -> None:
        links = [SpanLink(it.trace_id.hex(), it.span_id.hex(), _texts(it.attributes)) for it in span.links]
        warnings = [text for it in span.attributes if it.key == WARNINGS for text in _strings(it.value)]
        self._spans.append(
            {
                "traceID": self._id,
                "spanID": span.span_id.hex(),
                "operationName": span.name,
                "references": references(span.parent_span_id.hex(), links, self._id),
                "startTime": span.start_time_unix_nano // 1000,
                "duration": max(0, span.end_time_unix_nano - span.start_time_unix_nano) // 1000,
                "tags": _span_tags(span, scope),
                "logs": [_log(event) for event in span.events],
                "processID": process_id(process, self._processes, self._ids),
                "warnings": warnings or None,
            }
        )

    def json(self) -> Json:
        return {"traceID": self._id, "spans": self._spans, "processes": self._processes, "warnings": None}


def _process(resource: Resource) -> Json:
    if not resource.attributes:
        return {"serviceName": NO_SERVICE, "tags": []}
    names = [_text(it.value) for it in resource.attributes if it.key == "service.name"]
    return {"serviceName": names[-1] if names else "", "tags": _tags(resource.attributes, besides="service.name")}


def _span_tags(span: Span, scope: InstrumentationScope) -> list[Json]:
    tags: list[Json] = []
    if scope.name:
        tags.append(_string("otel.scope.name", scope.name))
    if scope.version:
        tags.append(_string("otel.scope.version", scope.version))
    tags += _tags(span.attributes, besides=WARNINGS)
    if kind := KINDS.get(span.kind):
        tags.append(_string("span.kind", kind))
    if status := STATUSES.get(span.status.code):
        tags.append(_string("otel.status_code", status))
    if status == "ERROR":
        tags.append({"key": "error", "type": "bool", "value": True})
    if span.status.message:
        tags.append(_string("otel.status_description", span.status.message))
    if span.trace_state:
        tags.append(_string("w3c.tracestate", span.trace_state))
    return tags


def _log(event: Span.Event) -> Json:
    named = event.name and all(it.key != "event" for it in event.attributes)
    fields = [_string("event", event.name)] if named else []
    return {"timestamp": event.time_unix_nano // 1000, "fields": fields + _tags(event.attributes)}


def _tags(attributes: Iterable[KeyValue], besides: str = "") -> list[Json]:
    return [_tag(it.key, it.value) for it in attributes if it.key != besides]


def _tag(key: str, value: AnyValue) -> Json:
    match value.WhichOneof("value"):
        case "bool_value":
            return {"key": key, "type": "bool", "value": value.bool_value}
        case "int_value":
            number = value.int_value
            return {"key": key, "type": "int64", "value": number if abs(number) <= SAFE_INT else str(number)}
        case "double_value":
            double = value.double_value
            return {"key": key, "type": "float64", "value": double if math.isfinite(double) else str(double)}
        case "bytes_value":
            return {"key": key, "type": "binary", "value": base64.b64encode(value.bytes_value).decode()}
        case _:
            return _string(key, _text(value))


def _string(key: str, value: str) -> Json:
    return {"key": key, "type": "string", "value": value}


def _text(value: AnyValue) -> str:
    plain = _plain(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _texts(attributes: Iterable[KeyValue]) -> Mapping[str, str]:
    return {it.key: _text(it.value) for it in attributes}


def _strings(value: AnyValue) -> list[str]:
    return [_text(it) for it in value.array_value.values]


def _plain(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain(it) for it in value.array_value.values]
        case "kvlist_value":
            return {it.key: _plain(it.value) for it in value.kvlist_value.values}
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "double_value" if not math.isfinite(value.double_value):
            return str(value.double_value)
        case None:
            return None
        case name:
            return getattr(value, name)
