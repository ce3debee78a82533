"""Builders of OTLP requests, as a sender would send them."""

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

START = 1_795_000_000_000_000_000
"""2026-11-18T11:06:40Z in ns"""


def value(it: Any) -> AnyValue:
    """A Python value as an attribute's value."""
    match it:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=it)
        case int():
            return AnyValue(int_value=it)
        case float():
            return AnyValue(double_value=it)
        case bytes():
            return AnyValue(bytes_value=it)
        case list():
            return AnyValue(array_value={"values": [value(item) for item in it]})
        case dict():
            return AnyValue(kvlist_value={"values": attributes(it)})
    return AnyValue(string_value=it)


def attributes(them: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value(it)) for key, it in them.items()]


def span(
    trace_id: str, span_id: str, *, parent: str = "", start: int = START, duration: int = 1_000_000, **fields: Any
) -> Span:
    """Ids as hex, times in ns; ``attributes`` as a dict; every other field as protobuf has it."""
    return Span(
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex(span_id),
        parent_span_id=bytes.fromhex(parent),
        start_time_unix_nano=start,
        end_time_unix_nano=start + duration,
        attributes=attributes(fields.pop("attributes", {})),
        **{"name": "GET /", "kind": Span.SPAN_KIND_SERVER, **fields},
    )


def log(trace_id: str, span_id: str, body: Any, *, time: int = START, **fields: Any) -> LogRecord:
    return LogRecord(
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex(span_id),
        body=value(body),
        time_unix_nano=time,
        attributes=attributes(fields.pop("attributes", {})),
        **fields,
    )


def access_log(trace_id: str, span_id: str, *, time: int = START, **fields: str) -> LogRecord:
    """As Envoy's OpenTelemetry access logger sends it: every field an attribute with a text value."""
    fields = {"access_log_type": "DownstreamEnd", **fields}
    return log(trace_id, span_id, "", time=time, attributes=fields)


def spans_request(*spans: Span, service: str = "cart", **resource: str) -> bytes:
    return ExportTraceServiceRequest(
        resource_spans=[
            {
                "resource": {"attributes": attributes({"service.name": service, **resource})},
                "scope_spans": [{"scope": {"name": "test", "version": "1"}, "spans": spans}],
            }
        ]
    ).SerializeToString()


def logs_request(*records: LogRecord, service: str = "cart", **resource: str) -> bytes:
    return ExportLogsServiceRequest(
        resource_logs=[
            {
                "resource": {"attributes": attributes({"service.name": service, **resource})},
                "scope_logs": [{"scope": {"name": "test"}, "log_records": records}],
            }
        ]
    ).SerializeToString()
