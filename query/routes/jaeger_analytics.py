"""`GET /analytics/v1/dependencies`: Jaeger's UI asks for it to draw deep dependencies, and Jaeger has no answer to it.

Made of the newest traces with the service in them.
"""

import json
import time
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, Request, Response

from weftline.collector.errors import AskOtherwise
from weftline.collector.store.protocol import Reader
from weftline.collector.store.searcher import Searcher
from weftline.query import problems
from weftline.query.routes.jaeger_paths import paths
from weftline.query.routes.jaeger_search import TraceQuery, find_traces
from weftline.query.routes.jaeger_traces import Traces
from weftline.query.routes.jaeger_v1_parameters import DEFAULT_LOOKBACK
from weftline.query.settings import QuerySettings

MOST_TRACES: Final = 100


def router(
    reader: Reader, searcher: Searcher, settings: QuerySettings, clock: Callable[[], int] = time.time_ns
) -> APIRouter:
    """The route over the store; ``clock`` in ns since the epoch."""
    traces = Traces(reader, settings)
    routes = APIRouter(tags=["Jaeger v1"], default_response_class=Response)

    @routes.get("/analytics/v1/dependencies", summary="Ways of requests through a service, from root to leaf")
    def deep_dependencies(request: Request) -> Response:
        service = request.query_params.get("service", "")
        operation = request.query_params.get("operation", "")
        if not service:
            return problems.jaeger(400, "parameter 'service' is required")
        # The UI sends start=0 and end=0 always: as far back as a search goes that says no time.
        now = clock()
        query = TraceQuery(now - DEFAULT_LOOKBACK, now, service, operation, limit=min(MOST_TRACES, settings.max_traces))
        try:
            ids = find_traces(searcher, query, settings, time.monotonic)
        except AskOtherwise as error:
            return problems.jaeger(400, f"the search can't be answered because {error}")
        found = paths({one: trace.spans for one, trace in traces.found(ids).items()}, service, operation)
        body = {
            "dependencies": [
                {
                    "path": [{"service": of, "operation": name} for of, name in path],
                    "attributes": [{"key": "exemplar_trace_id", "value": one} for one in exemplars],
                }
                for path, exemplars in found
            ]
        }
        return Response(json.dumps(body, ensure_ascii=False, separators=(",", ":")), media_type="application/json")

    return routes
