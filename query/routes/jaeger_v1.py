"""Jaeger's HTTP API v1 as Jaeger 2.20 answers it: services, operations, search, one trace,
archive, transform.

A trace is a transaction as spans (`jaeger_traces`). Newer Jaeger UIs search through v3 (`jaeger_v3`) and fetch single
traces here; Grafana's data source uses all of it.
"""

import json
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_plus

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from weftline.collector.errors import AskOtherwise, BadMessage
from weftline.collector.store.protocol import Reader
from weftline.collector.store.searcher import Searcher
from weftline.query import problems
from weftline.query.routes import jaeger_transform
from weftline.query.routes import jaeger_v1_parameters as parameters
from weftline.query.routes.jaeger_search import find_traces
from weftline.query.routes.jaeger_traces import Traces
from weftline.query.routes.jaeger_v1_model import trace
from weftline.query.routes.jaeger_v1_parameters import ParameterError
from weftline.query.settings import QuerySettings

MOST_BYTES: Final = 64 << 20
"""Of a file to transform."""
_OTLP_BODY: Final = {
    "requestBody": {
        "description": '`{"resourceSpans": […]}`',
        "content": {"application/json": {"schema": {"type": "object"}}},
        "required": True,
    }
}


def router(
    reader: Reader, searcher: Searcher, settings: QuerySettings, clock: Callable[[], int] = time.time_ns
) -> APIRouter:
    """The routes over the store; ``clock`` in ns since the epoch. They block: FastAPI runs them in its threads."""
    traces = Traces(reader, settings)
    routes = APIRouter(prefix="/api", tags=["Jaeger v1"], default_response_class=Response)

    @routes.get("/services", summary="Names of all services")
    def services(request: Request) -> Response:
        names = list(reader.services())
        return _json(request, problems.envelope(names, total=len(names)))

    @routes.get("/services/{service:path}/operations", summary="Names of a service's spans")
    def service_operations(request: Request, service: str) -> Response:
        # Jaeger decodes the name once more than its path, but a name may also have a plus sign.
        known = reader.operations(service) or reader.operations(unquote_plus(service))
        names = sorted({operation.name for operation in known})
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
            ids = wanted or find_traces(searcher, query, settings, time.monotonic)
        except ParameterError as error:
            return problems.jaeger(400, str(error))
        except AskOtherwise as error:
            return problems.jaeger(400, f"the search can't be answered because {error}; narrow its time")
        found = traces.get(ids, raw=raw) if wanted else traces.found(ids, raw=raw)
        data = [trace(one, it.spans, raw=raw, truncated=it.truncated) for one, it in found.items()]
        missing = [{"msg": "trace not found", "traceID": _short(one)} for one in wanted if one not in found]
        return _json(request, problems.envelope(data, errors=missing or None))

    @routes.get("/traces/{trace_id:path}", summary="One trace: a transaction as spans")  # base64 may have a slash
    def get_trace(request: Request, trace_id: str) -> Response:
        try:
            wanted = _checked_id(request, trace_id)
            raw = parameters.boolean(request.query_params, "raw")
        except ParameterError as error:
            return problems.jaeger(400, str(error))
        # start and end are hints only: Grafana sends milliseconds where Jaeger means microseconds.
        found = traces.get([wanted], raw=raw).get(wanted)
        if not found:
            return problems.jaeger(404, "trace not found")
        return _json(request, problems.envelope([trace(wanted, found.spans, raw=raw, truncated=found.truncated)]))

    @routes.post("/archive/{trace_id:path}", summary="Keeping a trace for good; not to be had")
    def archive(request: Request, trace_id: str) -> Response:
        """The store has no second place to put traces, and removes none from the first by itself."""
        try:
            _checked_id(request, trace_id)
        except ParameterError as error:
            return problems.jaeger(400, str(error))
        return problems.jaeger(500, "archive span storage was not configured")

    @routes.post("/transform", summary="OTLP in JSON as traces of this API", openapi_extra=_OTLP_BODY)
    async def transform(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():  # whatever Content-Type says: Jaeger's UI sends text/plain
            body += part
            if len(body) > MOST_BYTES:
                return problems.jaeger(413, f"the body is larger than {MOST_BYTES} bytes")
        try:
            found = await run_in_threadpool(jaeger_transform.transform, bytes(body))
            return await run_in_threadpool(_json, request, problems.envelope(found))
        except BadMessage as error:
            return problems.jaeger(400, f"cannot unmarshal OTLP : {error}")

    return routes


def _checked_id(request: Request, trace_id: str) -> str:
    """The id as the store has it; raises `ParameterError`, also for times that are no numbers."""
    wanted = parameters.trace_id(trace_id)
    for name in ("start", "end"):
        parameters.check_int(request.query_params, name)
    return wanted


def _short(trace_id: str) -> str:
    return trace_id.removeprefix("0" * 16)


def _json(request: Request, body: object) -> Response:
    pretty = request.query_params.get("prettyPrint", "") not in ("", "false")
    content = json.dumps(body, ensure_ascii=False, indent=4) if pretty else orjson.dumps(body)
    return Response(content, media_type="application/json")
