"""`jaeger.api_v2.QueryService`: Jaeger's own model of spans, in chunks of ten."""

import base64
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import grpc

from weftline.collector.store.protocol import Reader, SpanRow
from weftline.collector.store.searcher import Searcher
from weftline.query.grpc.errors import Refused, invalid, not_found
from weftline.query.grpc.messages import V2, message
from weftline.query.routes.jaeger_search import TraceQuery, find_traces
from weftline.query.routes.jaeger_traces import Traces
from weftline.query.routes.jaeger_v1_model import Json, trace
from weftline.query.settings import QuerySettings

CHUNK: Final = 10
"""Spans in a message, as in Jaeger's."""
DEFAULT_DEPTH: Final = 100
_TYPES: Final = {"string": 0, "bool": 1, "int64": 2, "float64": 3, "binary": 4}

KeyValue, Span, Chunk = (message(V2, name) for name in ("KeyValue", "Span", "SpansResponseChunk"))


class QueryServiceV2:
    """One method for each of the service, in snake case: request in, answer or an iterator of answers out."""

    def __init__(self, reader: Reader, searcher: Searcher, settings: QuerySettings) -> None:
        self._reader = reader
        self._searcher = searcher
        self._settings = settings
        self._traces = Traces(reader, settings)

    def get_trace(self, request: Any) -> Iterator[Any]:
        wanted = _trace_id(request.trace_id)
        found = self._traces.get([wanted], raw=request.raw_traces).get(wanted)
        if not found:
            raise not_found()
        return _chunks(wanted, found.spans, raw=request.raw_traces)

    def archive_trace(self, request: Any) -> Any:
        _trace_id(request.trace_id)
        text = "failed to archive trace: archive span storage was not configured"
        raise Refused(grpc.StatusCode.INTERNAL, text)

    def find_traces(self, request: Any) -> Iterator[Any]:
        if not request.HasField("query"):
            raise invalid("missing query")
        asked = request.query
        most = self._settings.max_traces
        query = trace_query(
            asked, asked.tags, min(asked.search_depth, most) if asked.search_depth > 0 else DEFAULT_DEPTH
        )
        ids = find_traces(self._searcher, query, self._settings, time.monotonic)
        for one, found in self._traces.found(ids, raw=asked.raw_traces).items():
            yield from _chunks(one, found.spans, raw=asked.raw_traces)

    def get_services(self, request: Any) -> Any:  # noqa: ARG002 - gRPC's shape
        return message(V2, "GetServicesResponse")(services=self._reader.services())

    def get_operations(self, request: Any) -> Any:
        answer = message(V2, "GetOperationsResponse")()
        for one in self._reader.operations(request.service):
            if request.span_kind.lower() in ("", one.kind):
                answer.operations.add(name=one.name, span_kind="" if one.kind == "unspecified" else one.kind)
        answer.operationNames.extend(sorted({one.name for one in answer.operations}))
        return answer

    def get_dependencies(self, request: Any) -> Any:
        if not (request.HasField("start_time") and request.HasField("end_time")):
            raise invalid("StartTime and EndTime must be initialized.")
        answer = message(V2, "GetDependenciesResponse")()
        for one in self._reader.dependencies(request.start_time.ToNanoseconds(), request.end_time.ToNanoseconds()):
            answer.dependencies.add(parent=one.caller, child=one.callee, call_count=one.calls)
        return answer


def trace_query(asked: Any, attributes: Any, depth: int) -> TraceQuery:
    """Out of either version's `TraceQueryParameters`."""
    return TraceQuery(
        asked.start_time_min.ToNanoseconds(),
        asked.start_time_max.ToNanoseconds(),
        asked.service_name,
        asked.operation_name,
        asked.duration_min.ToNanoseconds(),
        asked.duration_max.ToNanoseconds(),
        dict(attributes),
        depth,
    )


def _trace_id(raw: bytes) -> str:
    if not raw.strip(b"\0"):
        raise invalid("uninitialized TraceID is not allowed")
    if len(raw) not in (8, 16):
        raise invalid(f"a TraceID has 8 or 16 bytes, this has {len(raw)}")
    return raw.hex().rjust(32, "0")


def _chunks(trace_id: str, rows: Sequence[SpanRow], *, raw: bool) -> Iterator[Any]:
    spans = list(_spans(trace_id, rows, raw=raw))
    return (Chunk(spans=spans[start : start + CHUNK]) for start in range(0, len(spans), CHUNK))


def _spans(trace_id: str, rows: Sequence[SpanRow], *, raw: bool) -> Iterator[Any]:
    view = trace(trace_id, rows, raw=raw, truncated=False)
    processes = view["processes"]
    for row, one in zip(rows, view["spans"], strict=True):
        span = Span(
            trace_id=bytes.fromhex(trace_id),
            span_id=bytes.fromhex(row.span_id),
            operation_name=row.name,
            tags=[_key_value(tag) for tag in one["tags"]],
            warnings=one["warnings"],
        )
        span.start_time.FromNanoseconds(row.time)
        span.duration.FromNanoseconds(row.duration)
        process = processes[one["processID"]]
        span.process.service_name = process["serviceName"]
        span.process.tags.extend(_key_value(tag) for tag in process["tags"])
        for reference in one["references"]:
            span.references.add(
                trace_id=bytes.fromhex(reference["traceID"].rjust(32, "0")),
                span_id=bytes.fromhex(reference["spanID"]),
                ref_type=reference["refType"],
            )
        for line in one["logs"]:
            log = span.logs.add(fields=[_key_value(field) for field in line["fields"]])
            log.timestamp.FromMicroseconds(line["timestamp"])
        yield span


def _key_value(tag: Json) -> Any:
    key, kind, value = tag["key"], tag["type"], tag["value"]
    if kind == "int64":
        value = int(value)
    elif kind == "binary":
        value = base64.b64decode(value)
    field = "v_str" if kind == "string" else f"v_{kind}"
    return KeyValue(**{"key": key, "v_type": _TYPES[kind], field: value})
