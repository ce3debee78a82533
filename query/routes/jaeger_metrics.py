"""Jaeger's HTTP API v1 over what the store has counted: who calls whom, and the figures of its UI's page Monitor."""

import json
import math
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.datastructures import QueryParams

from weftline.collector.store.red import LEVELS, RedFilter, RedPoint, RedReader
from weftline.query import problems
from weftline.query.routes import jaeger_v1_parameters as parameters
from weftline.query.routes.go_syntax import parse_float, parse_int
from weftline.query.routes.jaeger_v1_parameters import ParameterError

MS: Final = 1_000_000
MINUTE: Final = 60_000 * MS
DEPENDENCIES_LOOKBACK: Final = 24 * 60 * MINUTE
KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
FAMILIES: Final = {
    "latencies": ("latencies", "latency in ms"),
    "calls": ("call_rate", "calls/sec"),
    "errors": ("error_rate", "fraction of errors"),
}
"""Route -> what the UI knows the family by, and what it is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one of the metrics routes is asked; times in ns."""

    services: tuple[str, ...]
    by_operation: bool
    kinds: tuple[str, ...]
    quantile: float
    end: int
    lookback: int
    step: int
    rate_per: int


def router(reader: RedReader, clock: Callable[[], int] = time.time_ns) -> APIRouter:
    """The routes over ``reader``; ``clock`` in ns since the epoch. They block: FastAPI runs them in its threads."""
    routes = APIRouter(prefix="/api", tags=["Jaeger v1"], default_response_class=Response)

    @routes.get("/dependencies", summary="Which service calls which, how often")
    def dependencies(request: Request) -> Response:
        asked = request.query_params
        try:
            end = _ms(asked, "endTs", clock())
            lookback = _ms(asked, "lookback", DEPENDENCIES_LOOKBACK)
        except ParameterError as error:
            return problems.jaeger(400, str(error))
        service = asked.get("service", "")
        data = [
            {"parent": it.caller, "child": it.callee, "callCount": it.calls}
            for it in reader.dependencies(max(0, end - max(0, lookback)), max(0, end))
            if service in ("", it.caller, it.callee)
        ]
        return _json(problems.envelope(data))

    @routes.get("/metrics/{family}", summary="Latencies, call rates or error rates of services")
    def metrics(request: Request, family: str) -> Response:
        if family not in FAMILIES:
            return problems.jaeger(404, "Not Found")
        try:
            asked = _asked(request.query_params, family, clock())
        except ParameterError as error:
            return problems.jaeger(400, str(error))
        # The window of the first point's rate begins before it.
        begin = asked.end - asked.lookback
        since = max(0, begin - asked.rate_per)
        points = reader.red(
            RedFilter(since, asked.end, MINUTE, asked.services, kinds=asked.kinds, by_operation=asked.by_operation)
        )
        return _json(family_of(family, asked, points))

    return routes


def family_of(family: str, asked: Asked, points: Sequence[RedPoint]) -> dict[str, Any]:
    """protobuf's JSON of Jaeger's `MetricFamily`; a step without calls is a gap (NaN)."""
    name, text = FAMILIES[family]
    by_series: defaultdict[tuple[str, ...], list[RedPoint]] = defaultdict(list)
    for point in points:
        by_series[(point.service, point.operation) if asked.by_operation else (point.service,)].append(point)
    steps = range(asked.end - asked.lookback, asked.end + 1, asked.step)
    return {
        "name": f"service_{'operation_' if asked.by_operation else ''}{name}",
        "type": "GAUGE",
        "help": f"{'grouped by service & operation, ' if asked.by_operation else ''}{text}",
        "metrics": [
            {
                "labels": [
                    {"name": label, "value": value}
                    for label, value in zip(("service_name", "operation"), key, strict=False)
                ],
                "metricPoints": [
                    {"gaugeValue": {"doubleValue": _json_number(_value(family, asked, of, at))}, "timestamp": _time(at)}
                    for at in steps
                ],
            }
            for key, of in sorted(by_series.items())
        ],
    }


def _value(family: str, asked: Asked, points: Sequence[RedPoint], at: int) -> float:
    """What Prometheus' rate over ``rate_per`` would be: of the minutes that began in it; ``points`` by start."""
    first, last = (bisect_left(points, moment, key=_start) for moment in (at - asked.rate_per, at))
    within = points[first:last]
    calls = sum(point.calls for point in within)
    if not calls:
        return math.nan
    if family == "calls":
        return calls * 1e9 / asked.rate_per
    if family == "errors":
        return sum(point.errors for point in within) / calls
    level = min(range(len(LEVELS)), key=lambda index: abs(LEVELS[index] - asked.quantile))
    # Minutes' quantiles can't be merged exactly; their mean weighed by calls is what is nearest.
    return sum(point.durations[level] * point.calls for point in within) / calls / MS


def _start(point: RedPoint) -> int:
    return point.start


def _asked(given: QueryParams, family: str, now: int) -> Asked:
    """Checked in Jaeger's order, refused in its words."""
    quantile = 0.0
    if family == "latencies":
        quantile = _float(given.get("quantile", ""))
    services = tuple(one for one in given.getlist("service") if one)
    if not services:
        raise ParameterError("unable to parse param 'service': please provide at least one service name")
    by_operation = parameters.boolean(given, "groupByOperation")
    kinds = tuple(one.lower() for one in given.getlist("spanKind")) or ("server",)
    for kind in kinds:
        if kind not in KINDS:
            raise ParameterError(f"unable to parse param 'spanKind': unsupported span kind: '{kind}'")
    end = _ms(given, "endTs", now)
    lookback = max(0, _ms(given, "lookback", 60 * MINUTE))
    step = _ms(given, "step", 5_000 * MS)
    rate_per = max(_ms(given, "ratePer", 10 * MINUTE), MINUTE)
    # Figures are kept by minute: finer steps would repeat them, and too many say nothing more.
    step = max(step, MINUTE, lookback // 2000)
    return Asked(services, by_operation, kinds, quantile, max(end, lookback), lookback, step, rate_per)


def _ms(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, "")
    if not text:
        return default
    try:
        return min(parse_int(text), 2**63 // MS - 1) * MS
    except ValueError as error:
        raise ParameterError(f"unable to parse param '{name}': {error}") from error


def _float(text: str) -> float:
    try:
        return parse_float(text)
    except ValueError as error:
        raise ParameterError(f"unable to parse param 'quantile': {error}") from error


def _json_number(value: float) -> float | str:
    return "NaN" if math.isnan(value) else value


def _time(at: int) -> str:
    moment = datetime.fromtimestamp(at // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{at % 10**9:09d}".rstrip("0").rstrip(".")
    return f"{moment}{fraction}Z"


def _json(body: object) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, media_type="application/json")
