"""What older formats have no field for, OpenTelemetry's exporters put into tags; here it is taken out again. Pure.

OpenTelemetry specification, "Span Status Mapping", "Instrumentation Scope" and "Dropped counts" of the Zipkin and
Jaeger exporters (trace/sdk_exporters/non-otlp.md); the tag `error` is older than OpenTelemetry. Envoy's tracers of
these formats say who they are by tags alone (source/common/tracing/tracer_impl.cc, `setCommonTags`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

ENVOY = "envoy"
"""The scope of an Envoy's spans in OTLP, by which the store tells them from an application's."""

Value = str | bool | int | float | bytes


def key_values(them: Mapping[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_any_value(it)) for key, it in them.items()]


def _any_value(it: Value) -> AnyValue:
    match it:
        case bool():
            return AnyValue(bool_value=it)
        case int():
            return AnyValue(int_value=it)
        case float():
            return AnyValue(double_value=it)
        case bytes():
            return AnyValue(bytes_value=it)
    return AnyValue(string_value=it)


def take_out(tags: dict[str, Value], span: Span) -> tuple[str, str]:
    """Move from ``tags`` into ``span`` what it has fields for; returns the scope's name and version."""
    _status(tags, span)
    span.trace_state = str(tags.pop("w3c.tracestate", ""))
    for what in ("attributes", "events", "links"):
        count = str(tags.pop(f"otel.dropped_{what}_count", "0"))
        if count.isdecimal() and len(count) < 10:
            setattr(span, f"dropped_{what}_count", int(count))
    old_name, old_version = tags.pop("otel.library.name", ""), tags.pop("otel.library.version", "")
    name, version = str(tags.pop("otel.scope.name", old_name)), str(tags.pop("otel.scope.version", old_version))
    return name or (ENVOY if _is_envoys(tags) else ""), version


def _is_envoys(tags: Mapping[str, Value]) -> bool:
    """Whether these are the tags of an Envoy's span: of a request, an attempt, or what its filters asked elsewhere."""
    return tags.get("component") == "proxy" and ("response_flags" in tags or "upstream_cluster" in tags)


def _status(tags: dict[str, Value], span: Span) -> None:
    code = str(tags.pop("otel.status_code", "")).upper()
    description = str(tags.pop("otel.status_description", ""))
    error = tags.get("error")
    if code == "OK":
        span.status.code = Status.STATUS_CODE_OK
    elif code == "ERROR" or (error is not None and str(error).lower() != "false"):
        text = "" if error is None or str(error).lower() in ("true", "false") else str(error)
        span.status.code = Status.STATUS_CODE_ERROR
        span.status.message = description or text
        tags.pop("error", None)


@dataclass(slots=True)
class Request:
    """An export request that grows span by span, grouped by resource and scope."""

    message: ExportTraceServiceRequest = field(default_factory=ExportTraceServiceRequest)
    _resources: dict[object, ResourceSpans] = field(default_factory=dict)
    _scopes: dict[object, ScopeSpans] = field(default_factory=dict)

    def add(self, span: Span, resource: Mapping[str, Value], scope: tuple[str, str]) -> None:
        """Equal resources become one; order is kept within a resource's scope."""
        owner = tuple(resource.items())
        if owner not in self._resources:
            self._resources[owner] = self.message.resource_spans.add()
            self._resources[owner].resource.attributes.extend(key_values(resource))
        if (owner, scope) not in self._scopes:
            self._scopes[owner, scope] = self._resources[owner].scope_spans.add()
            self._scopes[owner, scope].scope.CopyFrom(InstrumentationScope(name=scope[0], version=scope[1]))
        self._scopes[owner, scope].spans.append(span)
