"""Completes what FastAPI says of the API: Jaeger's parameters, which its routes read by themselves, every status, and
the examples.

Jaeger's routes check their parameters in Jaeger's order and words, so FastAPI doesn't know them.
"""

from copy import deepcopy
from typing import Any, Final

from weftline.query.problems import ProblemAnswer
from weftline.query.routes.examples import of

Json = dict[str, Any]

_TEXT: Final[Json] = {"type": "string"}
_NUMBER: Final[Json] = {"type": "integer", "minimum": 0, "maximum": 2**53}
_BOOLEAN: Final[Json] = {"type": "boolean"}
_MANY: Final[Json] = {"type": "array", "items": _TEXT}
_KIND: Final[Json] = {"type": "string", "enum": ["unspecified", "internal", "server", "client", "producer", "consumer"]}
_TIME: Final[Json] = {"type": "string", "format": "date-time"}
_DURATION: Final[Json] = {"type": "string", "pattern": "^[0-9]{1,6}(ns|us|ms|s|m|h)$"}
_MAP: Final[Json] = {"type": "string", "description": "JSON: an object of texts."}

_V3_SEARCH: Final = {
    "query.startTimeMin": _TIME,
    "query.startTimeMax": _TIME,
    "query.serviceName": _TEXT,
    "query.operationName": _TEXT,
    "query.durationMin": _DURATION,
    "query.durationMax": _DURATION,
    "query.attributes": _MAP,
    "query.searchDepth": _NUMBER,
}
PARAMETERS: Final[dict[str, Json]] = {
    "/api/operations": {"service": _TEXT, "spanKind": _KIND},
    "/api/traces": {
        "service": _TEXT,
        "operation": _TEXT,
        "start": {**_NUMBER, "description": "µs since the epoch; `end` too."},
        "end": _NUMBER,
        "minDuration": _DURATION,
        "maxDuration": _DURATION,
        "tag": {**_MANY, "description": "`key:value`"},
        "tags": _MAP,
        "limit": _NUMBER,
        "traceID": _MANY,
        "raw": _BOOLEAN,
    },
    "/api/traces/{trace_id}": {"raw": _BOOLEAN},
    "/api/dependencies": {
        "endTs": {**_NUMBER, "description": "ms since the epoch."},
        "lookback": {**_NUMBER, "description": "ms"},
        "service": _TEXT,
    },
    "/api/metrics/{family}": {
        "service": _MANY,
        "groupByOperation": _BOOLEAN,
        "spanKind": {"type": "array", "items": _KIND},
        "quantile": {"type": "number"},
        "endTs": _NUMBER,
        "lookback": _NUMBER,
        "step": _NUMBER,
        "ratePer": {**_NUMBER, "description": "All in ms; `endTs` since the epoch."},
    },
    "/analytics/v1/dependencies": {"service": _TEXT, "operation": _TEXT},
    "/api/v3/operations": {"service": _TEXT, "span_kind": _KIND},
    "/api/v3/traces/{trace_id}": {"start_time": _TIME, "end_time": _TIME, "raw_traces": _BOOLEAN},
    "/api/v3/traces": _V3_SEARCH,
    "/api/v3/trace-summaries": _V3_SEARCH,
}
"""Path → query parameters by name; none of them must be there."""
_NO_NAME: Final = "A line end is in no name: there is no such path."
STATUSES: Final[dict[str, dict[str, str]]] = {
    "/api/services/{service}/operations": {"404": _NO_NAME},
    "/api/operations": {"400": "`service` is missing."},
    "/api/traces": {"400": "A parameter can't be read, or the search can't be answered."},
    "/api/traces/{trace_id}": {"400": "The id or a parameter can't be read.", "404": "There is no such trace."},
    "/api/archive/{trace_id}": {"400": "The id can't be read.", "404": _NO_NAME, "500": "Always: there is no archive."},
    "/api/transform": {"400": "The body is no OTLP in JSON.", "413": "The body is larger than 64 MiB."},
    "/api/dependencies": {"400": "A parameter can't be read."},
    "/api/metrics/{family}": {"400": "A parameter can't be read.", "404": "There is no such family."},
    "/analytics/v1/dependencies": {"400": "`service` is missing, or the search can't be answered."},
    "/api/v3/traces/{trace_id}": {"400": "The id or a parameter can't be read.", "404": "There is no such trace."},
    "/api/v3/traces": {"400": "A parameter can't be read, or the search can't be answered.", "404": "None was found."},
    "/api/v3/trace-summaries": {"400": "A parameter can't be read, or the search can't be answered."},
}
"""Path → statuses of Jaeger's routes besides 200 and `EVERYWHERE`."""
EVERYWHERE: Final = {
    "401": "A token is needed, or another one.",
    "403": "Who asks may not.",
    "503": "The store is away; `Retry-After` says when to come back.",
}
"""Statuses of all routes but /health."""
WITHOUT_STORE: Final = frozenset({"/api/v1/search/fields", "/api/transform", "/api/archive/{trace_id}"})
"""They answer whether or not it is there."""
OURS: Final = "/api/v1/"


def complete(description: Json) -> Json:
    """The OpenAPI description with all of that, changed in place."""
    description.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in description["paths"].items():
        for operation in methods.values():
            # FastAPI's own answer to parameters that it can't read, which is 400 here.
            operation["responses"].pop("422", None)
            if path != "/health":
                # Nothing is asked of anybody where access is off.
                operation["security"] = [{"token": []}, {}]
                _say(path, operation)
            _show(path, operation["responses"])
    schemas = description["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = ProblemAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**problem.pop("$defs"), ProblemAnswer.__name__: problem}
    return description


def _say(path: str, operation: Json) -> None:
    responses = operation["responses"]
    content = responses["200"].get("content", {})
    if "text/event-stream" in content and content.get("application/json") == {"schema": {}}:
        # FastAPI says that of every route, also of one that is a stream only.
        del content["application/json"]
    if path.startswith(OURS):
        error = {"application/json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}
    else:
        # Jaeger's errors are JSON, too, and say that they are text.
        error = {"text/plain": {"schema": _TEXT}}
        responses["200"]["content"] = {"application/json": {"schema": {"type": "object"}}}
        given = PARAMETERS.get(path, {})
        operation.setdefault("parameters", []).extend(
            {"name": name, "in": "query", "required": False, "schema": schema} for name, schema in given.items()
        )
    everywhere = {**EVERYWHERE, "default": "Any other error."} if path.startswith(OURS) else EVERYWHERE
    for status, text in {**STATUSES.get(path, {}), **everywhere}.items():
        if status != "503" or path not in WITHOUT_STORE:
            responses.setdefault(status, {"description": text})
    for status, response in responses.items():
        if status != "200":
            response["content"] = deepcopy(error)


def _show(path: str, responses: Json) -> None:
    # By hand: FastAPI leaves nulls out of examples, and so would show answers that the schema doesn't allow.
    for status, response in responses.items():
        for media_type, content in response["content"].items():
            if (example := of(path, status, media_type)) is not None:
                content["example"] = example
