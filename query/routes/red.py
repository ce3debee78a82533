"""GET /api/v1/metrics and /api/v1/dependencies: rates, errors and durations of services, and who calls whom."""

import time
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from weftline.collector.store.red import LEVELS, Quantiles, RedFilter, RedReader
from weftline.query import times
from weftline.query.timeline.flags import explain
from weftline.query.timeline.words import proxy_name

MINUTE: Final = times.duration("1m")
MOST_STEPS: Final = 2_000
"""Of an answer: more can't be seen."""
LONGEST_GRAPH: Final = times.duration("7d")
KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")


class MetricView(BaseModel):
    """What the spans of one service, operation and kind did in one step."""

    start_unix_nano: str
    service: str
    operation: str = Field(description="Name of the spans; empty where `by_operation` is false.")
    kind: str
    calls: int
    calls_per_second: float = Field(description="Over the part of the step that lies in the window.")
    errors: int = Field(description="Spans with status error.")
    error_ratio: float
    durations_ns: dict[str, int] = Field(description='By quantile, "0.5" to "0.99"; off by 1 % at the most.')


class MetricsView(BaseModel):
    metrics: list[MetricView]
    since_unix_nano: str = Field(description="The beginning of a minute.")
    until_unix_nano: str
    step_ns: int = Field(description="0: all of the window is one step.")


class DependencyView(BaseModel):
    """Calls from one service to another."""

    caller: str
    callee: str
    calls: int
    calls_per_second: float
    errors: int = Field(description="Calls that the callee or its proxy reports as failed.")
    error_ratio: float
    durations_ns: dict[str, int] = Field(description="At the callee, by quantile; off by 1 % at the most.")


class FlagView(BaseModel):
    flag: str = Field(description="Envoy's response flag.", examples=["UF"])
    text: str = Field(description="In words.", examples=["could not connect to the upstream"])
    calls: int


class ProxiedCallsView(BaseModel):
    """What one service's proxies of a role recorded of their requests to one upstream cluster."""

    service: str
    proxy_role: str = Field(description="'' where the proxy doesn't say it.")
    proxy: str = Field(description="In words.", examples=["cart's outbound proxy"])
    upstream_cluster: str = Field(description="As the proxy names it; '' where it chose none.")
    callee: str = Field(
        description="The service that answered, by ids; '' where no row of another one says it was called, as for an "
        "inbound proxy's own application."
    )
    calls: int = Field(description="Requests, and connections of TCP; about, above 65,536.")
    calls_per_second: float
    errors: int = Field(description="Answered from 500 on, or not at all.")
    error_ratio: float
    retried: int = Field(description="Sent upstream more than once.")
    flags: list[FlagView] = Field(description="The most frequent first.")
    durations_ns: dict[str, int]


class DependenciesView(BaseModel):
    dependencies: list[DependencyView]
    proxies: list[ProxiedCallsView] = Field(
        description="The same calls as the proxies on their way saw them, and those that nobody answered."
    )
    since_unix_nano: str
    until_unix_nano: str


def router(reader: RedReader, clock: Callable[[], int] = time.time_ns) -> APIRouter:
    """The routes over ``reader``; ``clock`` in ns since the epoch. They block, so FastAPI runs them in its threads."""
    routes = APIRouter(prefix="/api/v1", tags=["services"])
    responses: dict[int | str, dict[str, object]] = {400: {"description": "A parameter can't be understood."}}
    since_parameter = Query(description="`15m` (ago), ISO 8601 or Unix seconds.")
    until_parameter = Query(description="As `since`, or `now`.")

    @routes.get("/metrics", summary="Rates, errors and durations of services", responses=responses)
    def metrics(
        *,
        service: Annotated[tuple[str, ...], Query(description="May be repeated; none: all.")] = (),
        operation: Annotated[tuple[str, ...], Query(description="Name of spans; may be repeated; none: all.")] = (),
        kind: Annotated[tuple[str, ...], Query(description="server, client, …; may be repeated; none: all.")] = (),
        since: Annotated[str, since_parameter] = "15m",
        until: Annotated[str, until_parameter] = "now",
        step: Annotated[str, Query(description="Whole minutes (`1m`, `1h`); empty: the window is one step.")] = "",
        by_operation: Annotated[bool, Query(description="False: all operations of a kind together.")] = True,
    ) -> MetricsView:
        """Counted as spans land, by the minute in which they began. What was sampled out is in no figure.

        A request counts once although its proxies' spans bear the same service: of each service, kind and minute the
        application's own count; where it has none (away, or not instrumented) those of its sidecar for that kind
        (inbound for server, outbound for client), else those of an edge, a gateway or an Envoy that doesn't say its
        role. Proxies' operations that are asked for by name are counted as such. Spans that Envoys send in Zipkin's
        format are not told from the application's.
        """
        begin, end = _window(since, until, clock())
        # Figures are kept by minute: a part of one can't be told from the rest.
        begin -= begin % MINUTE
        for wrong in set(kind) - set(KINDS):
            raise HTTPException(400, f"`{wrong}` is no kind of span: {', '.join(KINDS)}.")
        each = _step(step, end - begin)
        points = reader.red(RedFilter(begin, end, each, service, operation, kind, by_operation))
        return MetricsView(
            metrics=[
                MetricView(
                    start_unix_nano=str(it.start),
                    service=it.service,
                    operation=it.operation,
                    kind=it.kind,
                    calls=it.calls,
                    calls_per_second=_rate(it.calls, max(it.start, begin), min(it.start + (each or end - begin), end)),
                    errors=it.errors,
                    error_ratio=it.errors / it.calls,
                    durations_ns=_by_level(it.durations),
                )
                for it in points
            ],
            since_unix_nano=str(begin),
            until_unix_nano=str(end),
            step_ns=each,
        )

    @routes.get("/dependencies", summary="Which service calls which", responses=responses)
    def dependencies(
        since: Annotated[str, since_parameter] = "1h",
        until: Annotated[str, until_parameter] = "now",
    ) -> DependenciesView:
        """By ids of spans and of what proxies logged: a hop that only an Envoy saw counts too, every call once."""
        begin, end = _window(since, until, clock())
        if end - begin > LONGEST_GRAPH:
            raise HTTPException(400, "The window may be 7d long at the most.")
        return DependenciesView(
            dependencies=[
                DependencyView(
                    caller=it.caller,
                    callee=it.callee,
                    calls=it.calls,
                    calls_per_second=_rate(it.calls, begin, end),
                    errors=it.errors,
                    error_ratio=it.errors / it.calls,
                    durations_ns=_by_level(it.durations),
                )
                for it in reader.dependencies(begin, end)
            ],
            proxies=[
                ProxiedCallsView(
                    service=it.service,
                    proxy_role=it.proxy_role,
                    proxy=proxy_name(it.service, it.proxy_role),
                    upstream_cluster=it.upstream_cluster,
                    callee=it.callee,
                    calls=it.calls,
                    calls_per_second=_rate(it.calls, begin, end),
                    errors=it.errors,
                    error_ratio=it.errors / it.calls,
                    retried=it.retried,
                    flags=[FlagView(flag=flag, text=explain(flag), calls=calls) for flag, calls in it.flags.items()],
                    durations_ns=_by_level(it.durations),
                )
                for it in reader.proxied_calls(begin, end)
            ],
            since_unix_nano=str(begin),
            until_unix_nano=str(end),
        )

    return routes


def _window(since: str, until: str, now: int) -> tuple[int, int]:
    try:
        begin, end = times.moment(since, now), times.moment(until, now)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    if begin >= end:
        raise HTTPException(400, "`since` must lie before `until`.")
    return begin, end


def _step(text: str, window: int) -> int:
    if not text:
        return 0
    try:
        step = times.duration(text)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    if step % MINUTE:
        raise HTTPException(400, f"`step` must be whole minutes, this is `{text}`.")
    if window // step > MOST_STEPS:
        raise HTTPException(400, f"A window of {MOST_STEPS:,} steps is the most; take a longer `step`.")
    return step


def _rate(calls: int, since: int, until: int) -> float:
    return calls * times.SECOND / max(until - since, times.SECOND)


def _by_level(durations: Quantiles) -> dict[str, int]:
    return {str(level): duration for level, duration in zip(LEVELS, durations, strict=True)}
