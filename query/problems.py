"""How errors are answered: each API in the shape its clients parse, decided here alone, by path."""

import json
import math
from collections.abc import Mapping, Sequence

from fastapi import Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException


class Problem(BaseModel):
    """Code and sentence of an error."""

    code: int
    message: str
    column: int | None = Field(
        default=None, description="Of a search that can't be understood: where its mistake begins, counted from 1."
    )
    length: int | None = Field(default=None, description="How many characters are meant.")


class ProblemAnswer(BaseModel):
    """The body of every error under /api/v1."""

    error: Problem


class MisreadSearch(HTTPException):
    """A search with a mistake at ``column`` (from 1), ``length`` characters long."""

    def __init__(self, message: str, column: int, length: int) -> None:
        super().__init__(400, message)
        self.column = column
        self.length = length


def answer(
    request: Request,
    status: int,
    message: str,
    *,
    retry_after: float | None = None,
    headers: Mapping[str, str] | None = None,
    place: tuple[int, int] | None = None,
) -> Response:
    """An error response in the shape that clients of ``request``'s API expect; ``retry_after`` in seconds, ``place``
    the column and length of a search's mistake."""
    more = dict(headers or {})
    if retry_after is not None:
        more["Retry-After"] = str(max(1, math.ceil(retry_after)))
    path = request.url.path
    if path.startswith("/api/v3/"):
        return jaeger_v3(status, message, headers=more)
    if path.startswith(("/api/", "/analytics/")) and not path.startswith("/api/v1/"):
        return jaeger(status, message, headers=more)
    if path.startswith("/api/v1/") and status == 404 and message == "Not Found":
        message = f"There is nothing at {path}."
    column, length = place or (None, None)
    body = ProblemAnswer(error=Problem(code=status, message=message, column=column, length=length))
    return Response(body.model_dump_json(exclude_none=True), status, more, "application/json")


def jaeger(status: int, message: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """Jaeger's: the usual envelope, yet as text/plain and with a line end; no envelope where there is no such route."""
    if status == 404 and message == "Not Found":
        text = "404 page not found"
    elif status == 405:
        text = ""
    else:
        errors = [{"code": status, "msg": message}]
        text = json.dumps(envelope(None, errors=errors), ensure_ascii=False, separators=(",", ":"))
    return Response(text + "\n" if text else "", status, headers, "text/plain; charset=utf-8")


def jaeger_v3(status: int, message: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """Of Jaeger's API v3: JSON in text/plain with a line end, too, yet another shape."""
    if status == 404 and message == "Not Found":
        text = "404 page not found"
    else:
        error = {"error": {"httpCode": status, "message": message}}
        text = json.dumps(error, ensure_ascii=False, separators=(",", ":"))
    return Response(text + "\n", status, headers, "text/plain; charset=utf-8")


def envelope(
    data: object, *, total: int = 0, errors: Sequence[Mapping[str, object]] | None = None
) -> dict[str, object]:
    """What Jaeger's v1 API wraps every answer in; the keys are always there."""
    return {"data": data, "total": total, "limit": 0, "offset": 0, "errors": errors}
