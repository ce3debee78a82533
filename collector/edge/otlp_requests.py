"""OTLP's export services, and what is looked at in a request before it goes on as bytes. Pure.

Python's protobuf decodes in C, some 0.5 µs a span; looking at the ids costs 0.3 µs more. Nothing else is done per span.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from weftline.collector.errors import BadMessage
from weftline.collector.store.protocol import Signal


@dataclass(frozen=True, slots=True)
class Service:
    """One of OTLP's export services."""

    signal: str
    """How our own metrics call it: a `Signal`, or `otlp_metrics`, which is none."""
    path: str
    grpc: str
    request: type[Message]
    response: type[Message]
    rejected: str
    """The count in the response's `partial_success`."""


TRACES = Service(
    Signal.SPANS,
    "/v1/traces",
    "opentelemetry.proto.collector.trace.v1.TraceService",
    trace_service_pb2.ExportTraceServiceRequest,
    trace_service_pb2.ExportTraceServiceResponse,
    "rejected_spans",
)
LOGS = Service(
    Signal.LOGS,
    "/v1/logs",
    "opentelemetry.proto.collector.logs.v1.LogsService",
    logs_service_pb2.ExportLogsServiceRequest,
    logs_service_pb2.ExportLogsServiceResponse,
    "rejected_log_records",
)
METRICS = Service(
    "otlp_metrics",
    "/v1/metrics",
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
    metrics_service_pb2.ExportMetricsServiceRequest,
    metrics_service_pb2.ExportMetricsServiceResponse,
    "rejected_data_points",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """How much of a request was not taken, and why: OTLP's partial success."""

    rejected: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """``message`` is what may be stored, the request's own bytes unless something had to be left out."""

    message: bytes
    items: int
    transaction: bytes = b""
    """The transaction ID, if the whole request belongs to one."""
    taken: Taken = Taken()


def response(service: Service, taken: Taken) -> Message:
    """An empty message where all was taken (OTLP: `partial_success` must then be unset)."""
    if not taken.rejected and not taken.reason:
        return service.response()
    return service.response(partial_success={service.rejected: taken.rejected, "error_message": taken.reason})


def examine(signal: Signal, message: bytes, max_items: int = sys.maxsize) -> Examined:
    """Raises `BadMessage` unless the bytes are a request of this signal with something in it that can be stored.

    Spans with invalid ids are left out and counted. A log record without a valid id is just not associated.
    """
    examined = _EXAMINE[signal](message)
    if examined.items > max_items:
        raise BadMessage(f"The request has {examined.items} items, the limit is {max_items}.")
    return examined


def parse(service: Service, message: bytes) -> Message:
    """Raises `BadMessage` unless the bytes are the service's request."""
    request = service.request()
    try:
        request.ParseFromString(message)
    except DecodeError:
        raise BadMessage(f"The body is not an OTLP {service.request.DESCRIPTOR.name} in protobuf.") from None
    return request


_NO_TRACE, _NO_SPAN = bytes(16), bytes(8)


def _examine_spans(message: bytes) -> Examined:
    request = parse(TRACES, message)
    spans = [span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]  # type: ignore[attr-defined]
    traces = [span.trace_id for span in spans]
    ids = [span.span_id for span in spans]
    parents = [span.parent_span_id for span in spans]
    one = set(traces)
    if (
        set(map(len, one)) <= {16}
        and _NO_TRACE not in one
        and set(map(len, ids)) <= {8}
        and _NO_SPAN not in ids
        and set(map(len, parents)) <= {0, 8}
    ):
        return Examined(message, len(spans), traces[0] if len(one) == 1 else b"")
    return _without_invalid_spans(request)


def _without_invalid_spans(request: Message) -> Examined:
    reasons: list[str] = []
    kept: list[bytes] = []
    for one in request.resource_spans:  # type: ignore[attr-defined]
        for scope in one.scope_spans:
            for index in reversed(range(len(scope.spans))):
                span = scope.spans[index]
                reason = _invalid(span.trace_id, span.span_id, span.parent_span_id)
                if reason:
                    reasons.append(f"{reason} (span {span.name[:100]!r})")
                    del scope.spans[index]
                else:
                    kept.append(span.trace_id)
    if not kept:
        raise BadMessage(reasons[0])
    taken = Taken(len(reasons), f"Not stored, the first because: {reasons[0]}.")
    return Examined(request.SerializeToString(), len(kept), kept[0] if len(set(kept)) == 1 else b"", taken)


def _invalid(trace_id: bytes, span_id: bytes, parent_span_id: bytes) -> str:
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        return f"a span whose trace_id is not 16 bytes with one that is not zero: {trace_id[:20].hex()!r}"
    if len(span_id) != 8 or span_id == _NO_SPAN:
        return f"a span whose span_id is not 8 bytes with one that is not zero: {span_id[:20].hex()!r}"
    if len(parent_span_id) not in (0, 8):
        return f"a span whose parent_span_id is neither empty nor 8 bytes: {parent_span_id[:20].hex()!r}"
    return ""


def _examine_logs(message: bytes) -> Examined:
    request = parse(LOGS, message)
    traces = [
        record.trace_id
        for one in request.resource_logs  # type: ignore[attr-defined]
        for scope in one.scope_logs
        for record in scope.log_records
    ]
    one = set(traces)
    alone = len(one) == 1 and len(traces[0]) == 16 and traces[0] != _NO_TRACE
    return Examined(message, len(traces), traces[0] if alone else b"")


_EXAMINE: Mapping[Signal, Callable[[bytes], Examined]] = {
    Signal.SPANS: _examine_spans,
    Signal.LOGS: _examine_logs,
}


def count_data_points(message: bytes) -> int:
    """How many data points an ExportMetricsServiceRequest holds; raises `BadMessage`."""
    request = parse(METRICS, message)
    metrics = [metric for one in request.resource_metrics for scope in one.scope_metrics for metric in scope.metrics]  # type: ignore[attr-defined]
    return sum(len(getattr(metric, kind).data_points) for metric in metrics if (kind := metric.WhichOneof("data")))
