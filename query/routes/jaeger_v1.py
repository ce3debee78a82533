"""Jaeger's HTTP API v1 as Jaeger 2.20 answers it: GET /api/services, GET /api/traces/{id}."""

import base64
import binascii
import json
import re
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from weftline.collector.store.protocol import Reader, SpanRow
from weftline.query import problems
from weftline.query.routes.jaeger_v1_model import trace
from weftline.query.settings import QuerySettings

TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
FALSE: Final = ("0", "f", "F", "FALSE", "false", "False")
"""What Go's strconv.ParseBool takes."""
INT64: Final = range(-(2**63), 2**63)


class ParameterError(ValueError):
    """A parameter that Jaeger refuses; the text is Jaeger's."""


def router(reader: Reader, settings: QuerySettings) -> APIRouter:
    """The routes over ``reader``. They block, so FastAPI runs them in its threads."""
    errors: dict[int | str, dict[str, Any]] = {
        "default": {"description": "Jaeger's envelope with `errors`, as text/plain."}
    }
    routes = APIRouter(prefix="/api", tags=["Jaeger v1"], default_response_class=Response, responses=errors)

    @routes.get("/services", summary="Names of all services")
    def services(request: Request) -> Response:
        names = list(reader.services())
        return _json(request, problems.envelope(names, total=len(names)))

    @routes.get("/traces/{trace_id:path}", summary="One trace: the spans of a transaction")  # base64 may have a slash
    def get_trace(request: Request, trace_id: str) -> Response:
        try:
            wanted = parse_trace_id(trace_id)
            for name in ("start", "end"):
                _check_int(request, name)
            raw = _bool(request, "raw")
        except ParameterError as error:
            return problems.jaeger(400, str(error))
        # start and end are hints only: Grafana sends milliseconds where Jaeger means microseconds.
        rows = reader.transaction(wanted, settings.max_rows + 1)
        spans = [row for row in rows[: settings.max_rows] if isinstance(row, SpanRow)]
        if not spans:
            return problems.jaeger(404, "trace not found")
        truncated = len(rows) > settings.max_rows
        return _json(request, problems.envelope([trace(wanted, spans, raw=raw, truncated=truncated)]))

    return routes


def parse_trace_id(text: str) -> str:
    """32 lower-case hex digits out of 1 to 32 (any case, leading zeros may be left out), or out of base64."""
    if re.fullmatch(r"[0-9a-fA-F]{1,32}", text):
        return text.lower().rjust(32, "0")
    if len(text) > 32:
        raise ParameterError(f"TraceID cannot be longer than 32 hex characters: {text}")
    if len(text) in (12, 24):
        try:
            return base64.b64decode(text, validate=True).hex().rjust(32, "0")
        except binascii.Error:
            pass
    # Jaeger parses the two halves one after the other and names the first that is wrong.
    halves = (text[:-16], text[-16:]) if len(text) > 16 else (text,)
    wrong = next(half for half in halves if not re.fullmatch(r"[0-9a-fA-F]+", half))
    raise ParameterError(f"strconv.ParseUint: parsing {_quoted(wrong)}: invalid syntax")


def _check_int(request: Request, name: str) -> None:
    text = request.query_params.get(name, "")
    if not text:
        return
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        problem = "invalid syntax"
    elif int(text) not in INT64:
        problem = "value out of range"
    else:
        return
    raise ParameterError(f"unable to parse param '{name}': strconv.ParseInt: parsing {_quoted(text)}: {problem}")


def _bool(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "")
    if text and text not in TRUE + FALSE:
        raise ParameterError(
            f"unable to parse param '{name}': strconv.ParseBool: parsing {_quoted(text)}: invalid syntax"
        )
    return text in TRUE


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _json(request: Request, body: object) -> Response:
    pretty = request.query_params.get("prettyPrint", "") not in ("", "false")
    separators = None if pretty else (",", ":")
    text = json.dumps(body, ensure_ascii=False, indent=4 if pretty else None, separators=separators)
    return Response(text, media_type="application/json")
