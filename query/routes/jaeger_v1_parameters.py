"""The query strings of Jaeger's HTTP API v1, checked in Jaeger's order and refused in its words."""

import base64
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from starlette.datastructures import QueryParams

from weftline.query.routes.go_syntax import parse_bool, parse_duration, parse_int, parse_string_map, quoted
from weftline.query.routes.jaeger_search import TraceQuery

Value = TypeVar("Value")

DEFAULT_LOOKBACK: Final = 48 * 3600 * 10**9
"""ns"""


class ParameterError(ValueError):
    """A parameter that Jaeger refuses; the text is Jaeger's."""


def search(parameters: QueryParams, now: int, most: int) -> tuple[TraceQuery, Sequence[str], bool]:
    """What `GET /api/traces` asks: the query, or trace ids instead, and whether raw spans are wanted.

    ``now`` in ns since the epoch; at most ``most`` traces. Raises `ParameterError`.
    """
    start = _read(parameters, "start", lambda text: parse_int(text) * 1000, now - DEFAULT_LOOKBACK)
    end = _read(parameters, "end", lambda text: parse_int(text) * 1000, now)
    attributes = _attributes(parameters)
    limit = 100
    if text := parameters.get("limit", ""):
        try:
            limit = parse_int(text, 32)
        except ValueError as error:
            raise ParameterError(str(error)) from error
    shortest = _read(parameters, "minDuration", parse_duration, 0)
    longest = _read(parameters, "maxDuration", parse_duration, 0)
    try:
        wanted = [trace_id(text) for text in parameters.getlist("traceID")]
    except ParameterError as error:
        raise ParameterError(f"cannot parse traceID param: {error}") from error
    raw = boolean(parameters, "raw")
    service = parameters.get("service", "")
    if not service and not wanted:
        raise ParameterError("parameter 'service' is required")
    if longest and shortest and longest < shortest:
        raise ParameterError("'maxDuration' should be greater than 'minDuration'")
    if not wanted and not 0 < limit <= most:
        raise ParameterError(f"search depth must be greater than 0 and at most {most}")
    query = TraceQuery(start, end, service, parameters.get("operation", ""), shortest, longest, attributes, limit)
    return query, wanted, raw


def trace_id(text: str) -> str:
    """32 lower-case hex digits out of 1 to 32 (any case, leading zeros may be left out), or out of base64."""
    if re.fullmatch(r"[0-9a-fA-F]{1,32}", text):
        return text.lower().rjust(32, "0")
    if len(text) > 32:
        raise ParameterError(f"TraceID cannot be longer than 32 hex characters: {text}")
    if len(text) in (12, 24):
        with suppress(ValueError):  # also for characters that are not ASCII
            raw = base64.b64decode(text, validate=True)
            if len(raw) in (8, 16):
                return raw.hex().rjust(32, "0")
    # Jaeger parses the two halves one after the other and names the first that is wrong.
    halves = (text[:-16], text[-16:]) if len(text) > 16 else (text,)
    wrong = next(half for half in halves if not re.fullmatch(r"[0-9a-fA-F]+", half))
    raise ParameterError(f"strconv.ParseUint: parsing {quoted(wrong)}: invalid syntax")


def check_int(parameters: QueryParams, name: str) -> None:
    """Raises `ParameterError` unless the parameter is an integer or missing."""
    _read(parameters, name, parse_int, 0)


def boolean(parameters: QueryParams, name: str) -> bool:
    """False where it is missing."""
    return _read(parameters, name, parse_bool, False)


def _read(parameters: QueryParams, name: str, parse: Callable[[str], Value], default: Value) -> Value:
    text = parameters.get(name, "")
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise ParameterError(f"unable to parse param '{name}': {error}") from error


def _attributes(parameters: QueryParams) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for text in parameters.getlist("tag"):
        key, colon, value = text.partition(":")
        if not colon:
            raise ParameterError(f"malformed 'tag' parameter, expecting key:value, received: {text}")
        attributes[key] = value
    for text in filter(None, parameters.getlist("tags")):
        try:
            attributes |= parse_string_map(text)
        except ValueError as error:
            raise ParameterError(f"malformed 'tags' parameter, cannot unmarshal JSON: {error}") from error
    return attributes
