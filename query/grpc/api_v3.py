"""`jaeger.api_v3.QueryService`: traces as OTLP, one message a trace."""

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from weftline.collector import otlp_json
from weftline.collector.store.protocol import Reader, SpanRow
from weftline.collector.store.searcher import Searcher
from weftline.query.grpc.api_v2 import DEFAULT_DEPTH, trace_query
from weftline.query.grpc.errors import invalid, not_found
from weftline.query.grpc.messages import V3, message
from weftline.query.routes import jaeger_v1_parameters
from weftline.query.routes.jaeger_search import find_traces
from weftline.query.routes.jaeger_traces import Traces
from weftline.query.routes.jaeger_v3_model import resource_spans, summary
from weftline.query.settings import QuerySettings


class QueryServiceV3:
    """One method for each of the service, in snake case: request in, answer or an iterator of answers out."""

    def __init__(self, reader: Reader, searcher: Searcher, settings: QuerySettings) -> None:
        self._reader = reader
        self._searcher = searcher
        self._settings = settings
        self._traces = Traces(reader, settings)

    def get_trace(self, request: Any) -> Iterator[TracesData]:
        try:
            wanted = jaeger_v1_parameters.trace_id(request.trace_id)
        except jaeger_v1_parameters.ParameterError as error:
            raise invalid(f"malform trace ID: {error}") from error
        found = self._traces.get([wanted], raw=request.raw_traces).get(wanted)
        if not found:
            raise not_found()
        return iter([_data(found.spans)])

    def find_traces(self, request: Any) -> Iterator[TracesData]:
        ids = self._find(request)
        return (_data(found.spans) for found in self._traces.found(ids, raw=request.query.raw_traces).values())

    def find_trace_summaries(self, request: Any) -> Iterator[Any]:
        ids = self._find(request)
        found = self._traces.outlines(ids)
        answer = message(V3, "FindTraceSummariesResponse")
        summaries = [summary(one, found[one]) for one in ids if one in found]
        return iter([json_format.ParseDict({"summaries": summaries}, answer())] if summaries else [])

    def get_services(self, request: Any) -> Any:  # noqa: ARG002 - gRPC's shape
        return message(V3, "GetServicesResponse")(services=self._reader.services())

    def get_operations(self, request: Any) -> Any:
        answer = message(V3, "GetOperationsResponse")()
        for one in self._reader.operations(request.service):
            if request.span_kind.lower() in ("", one.kind):
                answer.operations.add(name=one.name, span_kind="" if one.kind == "unspecified" else one.kind)
        return answer

    def get_dependencies(self, request: Any) -> Any:
        if not (request.HasField("start_time") and request.HasField("end_time")):
            raise invalid("start_time and end_time are required")
        start, end = request.start_time.ToNanoseconds(), request.end_time.ToNanoseconds()
        if end <= start:
            raise invalid("end_time must be after start_time")
        answer = message(V3, "DependenciesResponse")()
        for one in self._reader.dependencies(start, end):
            answer.dependencies.add(parent=one.caller, child=one.callee, call_count=one.calls)
        return answer

    def _find(self, request: Any) -> Sequence[str]:
        if not request.HasField("query"):
            raise invalid("missing query")
        asked = request.query
        if not (asked.HasField("start_time_min") and asked.HasField("start_time_max")):
            raise invalid("start time min and max are required parameters")
        most = self._settings.max_traces
        depth = min(asked.search_depth if asked.search_depth > 0 else DEFAULT_DEPTH, most)
        query = trace_query(asked, asked.attributes, depth)
        return find_traces(self._searcher, query, self._settings, time.monotonic)


def _data(spans: Sequence[SpanRow]) -> TracesData:
    text = json.dumps({"resourceSpans": resource_spans(spans)}).encode()
    return TracesData.FromString(otlp_json.to_protobuf(TracesData, text))
