"""Jaeger's HTTP API v3 as Jaeger 2.20 answers it: what its UI searches through since 2.19."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import orjson
from fastapi import APIRouter, Request, Response
from starlette.datastructures import QueryParams

from weftline.collector.errors import AskOtherwise
from weftline.collector.store.protocol import Reader
from weftline.collector.store.searcher import Searcher
from weftline.query import problems
from weftline.query.routes import jaeger_v1_parameters
from weftline.query.routes.go_syntax import parse_bool, parse_duration, parse_int, parse_string_map, parse_time
from weftline.query.routes.jaeger_search import TraceQuery, find_traces
from weftline.query.routes.jaeger_traces import Traces
from weftline.query.routes.jaeger_v1_parameters import ParameterError
from weftline.query.routes.jaeger_v3_model import resource_spans, summary
from weftline.query.settings import QuerySettings

Value = TypeVar("Value")

DEFAULT_DEPTH: Final = 100
RAW: Final = ("query.rawTraces", "query.raw_traces")


def router(reader: Reader, searcher: Searcher, settings: QuerySettings) -> APIRouter:
    """The routes over the store. They block: FastAPI runs them in its threads."""
    traces = Traces(reader, settings)
    routes = APIRouter(prefix="/api/v3", tags=["Jaeger v3"], default_response_class=Response)

    @routes.get("/services", summary="Names of all services")
    def services() -> Response:
        return _json({"services": list(reader.services())})

    @routes.get("/operations", summary="Names and kinds of a service's spans")
    def operations(request: Request) -> Response:
        service = request.query_params.get("service", "")
        kind = _first(request.query_params, "spanKind", "span_kind")[1].lower()
        # A kind that nobody set is internal here: Jaeger's UI refuses the whole list for an empty one.
        kinds = {(one.name, one.kind.replace("unspecified", "internal")) for one in reader.operations(service)}
        listed = [{"name": name, "spanKind": of} for name, of in sorted(kinds) if kind in ("", of)]
        return _json({"operations": listed})

    @routes.get("/traces/{trace_id}", summary="One trace, as OTLP in JSON")
    def get_trace(request: Request, trace_id: str) -> Response:
        try:
            try:
                wanted = jaeger_v1_parameters.trace_id(trace_id)
            except ParameterError as error:
                raise ParameterError(f"malformed parameter trace_id: {error}") from error
            for names in (("startTime", "start_time"), ("endTime", "end_time")):
                _read(request.query_params, names, parse_time, 0)
            raw = _read(request.query_params, ("rawTraces", "raw_traces"), parse_bool, False)
        except ParameterError as error:
            return problems.jaeger_v3(400, str(error))
        found = traces.get([wanted], raw=raw).get(wanted)
        if not found:
            return problems.jaeger_v3(404, "trace not found")
        return _json({"result": {"resourceSpans": resource_spans(found.spans)}})

    @routes.get("/traces", summary="Traces with a span that fulfils every condition, as OTLP in JSON")
    def search(request: Request) -> Response:
        ids = _found(request.query_params)
        if isinstance(ids, Response):
            return ids
        raw = _read(request.query_params, RAW, parse_bool, False)
        spans = [span for found in traces.found(ids, raw=raw).values() for span in found.spans]
        if not spans:
            return problems.jaeger_v3(404, "No traces found")
        return _json({"result": {"resourceSpans": resource_spans(spans)}})

    @routes.get("/trace-summaries", summary="The same, a line each")
    def summaries(request: Request) -> Response:
        ids = _found(request.query_params)
        if isinstance(ids, Response):
            return ids
        found = traces.outlines(ids)
        return _json({"summaries": [summary(one, found[one]) for one in ids if one in found]})

    def _found(parameters: QueryParams) -> Sequence[str] | Response:
        try:
            query = _query(parameters, settings.max_traces)
            return find_traces(searcher, query, settings, time.monotonic)
        except ParameterError as error:
            return problems.jaeger_v3(400, str(error))
        except AskOtherwise as error:
            return problems.jaeger_v3(400, f"the search can't be answered because {error}; narrow its time")

    return routes


def _query(parameters: QueryParams, most: int) -> TraceQuery:
    """Raises `ParameterError`."""

    def read(name: str, alias: str, parse: Callable[[str], Value], default: Value) -> Value:
        return _read(parameters, (f"query.{name}", f"query.{alias}"), parse, default)

    start = read("startTimeMin", "start_time_min", parse_time, None)
    end = read("startTimeMax", "start_time_max", parse_time, None)
    if start is None or end is None:
        raise ParameterError("query.startTimeMin and query.startTimeMax are required")
    if start >= end:
        raise ParameterError("query.startTimeMin must be before query.startTimeMax")
    names = ("query.searchDepth", "query.search_depth", "query.num_traces")
    depth = _read(parameters, names, lambda text: parse_int(text, 32), DEFAULT_DEPTH)
    shortest = read("durationMin", "duration_min", parse_duration, 0)
    longest = read("durationMax", "duration_max", parse_duration, 0)
    _read(parameters, RAW, parse_bool, False)
    attributes: Mapping[str, str] = read("attributes", "attributes", parse_string_map, {})
    return TraceQuery(
        start,
        end,
        _first(parameters, "query.serviceName", "query.service_name")[1],
        _first(parameters, "query.operationName", "query.operation_name")[1],
        shortest,
        longest,
        attributes,
        min(depth, most) if depth > 0 else min(DEFAULT_DEPTH, most),
    )


def _first(parameters: QueryParams, *names: str) -> tuple[str, str]:
    """Name and value of the first that is there; empty where none is."""
    return next(((name, parameters[name]) for name in names if parameters.get(name)), ("", ""))


def _read(parameters: QueryParams, names: Sequence[str], parse: Callable[[str], Value], default: Value) -> Value:
    name, text = _first(parameters, *names)
    if not name:
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise ParameterError(f"malformed parameter {name}: {error}") from error


def _json(body: object) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
