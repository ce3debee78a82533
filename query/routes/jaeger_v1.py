"""Jaeger's HTTP API v1 as Jaeger 2.20 answers it: services, operations, search, one trace.

A trace is the spans of a transaction. Newer Jaeger UIs search through v3 (`jaeger_v3`) and fetch single traces here;
Grafana's data source uses all of it.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from weftline.collector.errors import AskOtherwise
from weftline.collector.store.protocol import Reader, SpanRow
from weftline.collector.store.searcher import Searcher
from weftline.query import problems
from weftline.query.routes import jaeger_v1_parameters as parameters
from weftline.query.routes.jaeger_search import find_traces
from weftline.query.routes.jaeger_v1_model import trace
from weftline.query.routes.jaeger_v1_parameters import ParameterError
from weftline.query.settings import QuerySettings


def router(
    reader: Reader, searcher: Searcher, settings: QuerySettings, clock: Callable[[], int] = time.time_ns
) -> APIRouter:
    """The routes over the store; ``clock`` in ns since the epoch. They block: FastAPI runs them in its threads."""
    errors: dict[int | str, dict[str, Any]] = {
        "default": {"description": "Jaeger's envelope with `errors`, as text/plain."}
    }
    routes = APIRouter(prefix="/api", tags=["Jaeger v1"], default_response_class=Response, responses=errors)

    @routes.get("/services", summary="Names of all services")
    def services(request: Request) -> Response:
        names = list(reader.services())
        return _json(request, problems.envelope(names, total=len(names)))

    @routes.get("/services/{service:path}/operations", summary="Names of a service's spans")
    def service_operations(request: Request, service: str) -> Response:
        names = sorted({operation.name for operation in reader.operations(service)})
        return _json(request, problems.envelope(names, total=len(names)))

    @routes.get("/operations", summary="Names and kinds of a service's spans")
    def operations(request: Request) -> Response:
        service = request.query_params.get("service", "")
        kind = request.query_params.get("spanKind", "").lower()
        if not service:
            return problems.jaeger(400, "parameter 'service' is required")
        found = [
            {"name": one.name, "spanKind": "" if one.kind == "unspecified" else one.kind}
            for one in reader.operations(service)
            if kind in ("", one.kind)
        ]
        return _json(request, problems.envelope(found, total=len(found)))

    @routes.get("/traces", summary="Traces with a span that fulfils every condition, or those of given ids")
    def search(request: Request) -> Response:
        try:
            query, wanted, raw = parameters.search(request.query_params, clock(), settings.max_traces)
            ids = wanted or find_traces(searcher, query, settings.search_seconds, time.monotonic)
        except ParameterError as error:
            return problems.jaeger(400, str(error))
        except AskOtherwise as error:
            return problems.jaeger(400, f"the search can't be answered because {error}; narrow its time")
        found = reader.spans(ids, settings.max_rows + 1)
        data = [_trace(one, found[one], raw=raw) for one in ids if one in found]
        missing = [{"msg": "trace not found", "traceID": _short(one)} for one in wanted if one not in found]
        return _json(request, problems.envelope(data, errors=missing or None))

    @routes.get("/traces/{trace_id:path}", summary="One trace: the spans of a transaction")  # base64 may have a slash
    def get_trace(request: Request, trace_id: str) -> Response:
        try:
            wanted = parameters.trace_id(trace_id)
            for name in ("start", "end"):
                parameters.check_int(request.query_params, name)
            raw = parameters.boolean(request.query_params, "raw")
        except ParameterError as error:
            return problems.jaeger(400, str(error))
        # start and end are hints only: Grafana sends milliseconds where Jaeger means microseconds.
        rows = reader.transaction(wanted, settings.max_rows + 1)
        spans = [row for row in rows if isinstance(row, SpanRow)]
        if not spans:
            return problems.jaeger(404, "trace not found")
        truncated = len(rows) > settings.max_rows
        shown = [row for row in rows[: settings.max_rows] if isinstance(row, SpanRow)]
        return _json(request, problems.envelope([trace(wanted, shown, raw=raw, truncated=truncated)]))

    def _trace(trace_id: str, spans: Any, *, raw: bool) -> dict[str, Any]:
        truncated = len(spans) > settings.max_rows
        return trace(trace_id, spans[: settings.max_rows], raw=raw, truncated=truncated)

    return routes


def _short(trace_id: str) -> str:
    return trace_id.removeprefix("0" * 16)


def _json(request: Request, body: object) -> Response:
    pretty = request.query_params.get("prettyPrint", "") not in ("", "false")
    separators = None if pretty else (",", ":")
    text = json.dumps(body, ensure_ascii=False, indent=4 if pretty else None, separators=separators)
    return Response(text, media_type="application/json")
