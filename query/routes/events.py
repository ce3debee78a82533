"""GET /api/v1/events, /api/v1/events/counts: what went wrong in the mesh, and where it began."""

import re
import time
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from weftline.collector.store.event_kinds import EventKind, meanings
from weftline.collector.store.mesh import EventFilter, EventRow, Hop, MeshReader
from weftline.query import times
from weftline.query.timeline.began import where_they_began
from weftline.query.timeline.words import explain, proxy_name, upstream_name

PLACE: Final = re.compile(r"([0-9]{1,19})-([0-9a-f]{16})")
MOST_INTERVALS: Final = 1500
NICE_INTERVALS: Final = tuple(times.duration(it) for it in ("1s", "10s", "1m", "5m", "15m", "1h", "6h", "1d", "1w"))
INTERVALS_WANTED: Final = 60
"""Unless an interval is asked for, the shortest nice one that gives no more of them than this."""


class BeganView(BaseModel):
    """The hop of the same request where a failure began."""

    proxy: str = Field(examples=["payment's outbound proxy"])
    service: str
    proxy_role: str
    span_id: str


class EventView(BaseModel):
    """One kind of failure or intervention that one proxy's record reports."""

    id: str = Field(description="The same whenever the same record is stored.")
    time_unix_nano: str = Field(description="End of the request, nanoseconds since the epoch.")
    kind: EventKind
    text: str = Field(description="In words; the proxy is the subject.", examples=["could not connect to ledger"])
    reason: str = Field(description="Envoy's flags of this kind or its response code detail; '' for a retry.")
    blame: str = Field(description="Where to look, seen from the proxy: proxy, configuration, upstream or caller.")
    proxy: str = Field(description="The proxy that reports it, in words.", examples=["cart's outbound proxy"])
    began: BeganView | None = Field(
        description="The other hop of the request where it began, as ids say; null where it began at this proxy."
    )
    transaction_id: str = Field(description="'' for an ejected host: it belongs to no request.")
    span_id: str
    request_id: str = Field(description="Finds the transaction too, also where the record had no other id.")
    service: str
    proxy_role: str
    node_id: str
    route_name: str
    upstream_cluster: str
    upstream_host: str
    method: str
    authority: str
    path: str
    response_code: int
    response_flags: str
    response_code_details: str
    upstream_transport_failure_reason: str
    upstream_attempts: int
    duration_ns: int
    count: int = Field(description="More than one only where a counter of the proxy says so.")


class EventsView(BaseModel):
    """A page of events, newest first."""

    events: list[EventView]
    since_unix_nano: str
    until_unix_nano: str
    next: str | None = Field(description="`cursor` of the next page; null where there is nothing more.")


class CountView(BaseModel):
    """How many events of one kind a service's proxies reported in one interval."""

    start_unix_nano: str
    kind: str
    service: str
    count: int


class CountsView(BaseModel):
    """Events by interval, oldest first; intervals without events are left out."""

    counts: list[CountView]
    interval_ns: int
    since_unix_nano: str
    until_unix_nano: str


Kinds = Annotated[list[EventKind] | None, Query(description="Only these kinds; may be repeated.")]
Services = Annotated[list[str] | None, Query(description="Only what these services' proxies report.")]
Routes = Annotated[list[str] | None, Query(description="Only requests that took these routes (Envoy's route names).")]
Clusters = Annotated[list[str] | None, Query(description="Only requests to these upstream clusters.")]
Since = Annotated[str, Query(description="`15m` (ago), ISO 8601 or Unix seconds; an hour ago by default.")]
Until = Annotated[str, Query(description="As `since`; now by default. Itself not within.")]


def router(reader: MeshReader, clock: Callable[[], int] = time.time_ns) -> APIRouter:
    """The routes over ``reader``; ``clock`` in ns since the epoch. They block, so FastAPI runs them in its threads."""
    routes = APIRouter(
        prefix="/api/v1",
        tags=["mesh"],
        responses={400: {"description": "A parameter can't be understood; the message says which."}},
    )

    @routes.get("/events", summary="What went wrong in the mesh, newest first")
    def events(  # noqa: PLR0917 - the parameters of the route
        kind: Kinds = None,
        service: Services = None,
        route: Routes = None,
        cluster: Clusters = None,
        since: Since = "1h",
        until: Until = "now",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Annotated[str, Query(description="`next` of the page before.")] = "",
        stored_since: Annotated[
            str, Query(description="Only what became known from then on: for followers, as records may arrive late.")
        ] = "",
    ) -> EventsView:
        wanted = _filter(
            kind=kind,
            service=service,
            route=route,
            cluster=cluster,
            since=since,
            until=until,
            stored_since=stored_since,
            now=clock(),
        )
        # One more than asked for tells whether there is more.
        found = reader.events(wanted, limit + 1, _place(cursor))
        page = found[:limit]
        ids = list(dict.fromkeys(event.transaction_id for event in page if event.transaction_id))
        began = where_they_began(page, reader.hops(ids))
        return EventsView(
            events=[event_view(event, origin) for event, origin in zip(page, began, strict=True)],
            since_unix_nano=str(wanted.since),
            until_unix_nano=str(wanted.until),
            next=f"{page[-1].time}-{page[-1].id}" if len(found) > limit else None,
        )

    @routes.get("/events/counts", summary="How many events, by interval, kind and service")
    def counts(  # noqa: PLR0917 - the parameters of the route
        kind: Kinds = None,
        service: Services = None,
        route: Routes = None,
        cluster: Clusters = None,
        since: Since = "1h",
        until: Until = "now",
        interval: Annotated[str, Query(description="Such as `1m`; by default one that gives at most 60.")] = "",
    ) -> CountsView:
        wanted = _filter(
            kind=kind, service=service, route=route, cluster=cluster, since=since, until=until, now=clock()
        )
        length = _interval(interval, wanted.until - wanted.since)
        return CountsView(
            counts=[
                CountView(start_unix_nano=str(it.start), kind=it.kind, service=it.service, count=it.count)
                for it in reader.event_counts(wanted, length)
            ],
            interval_ns=length,
            since_unix_nano=str(wanted.since),
            until_unix_nano=str(wanted.until),
        )

    return routes


def event_view(event: EventRow, began: Hop | None) -> EventView:
    """The JSON of one event."""
    own = {name: getattr(event, name) for name in EventView.model_fields if hasattr(event, name)}
    means = meanings(event.reason)
    return EventView.model_validate(
        {
            **own,
            "time_unix_nano": str(event.time),
            "duration_ns": event.duration,
            "text": _text(event),
            "blame": means[0].blame.value if means else "upstream",
            "proxy": proxy_name(event.service, event.proxy_role),
            "began": began
            and BeganView(
                proxy=proxy_name(began.service, began.proxy_role),
                service=began.service,
                proxy_role=began.proxy_role,
                span_id=began.span_id,
            ),
        }
    )


def _text(event: EventRow) -> str:
    match event.kind:
        case EventKind.RETRY:
            return f"asked {upstream_name(event.upstream_cluster)} {event.upstream_attempts} times"
        case EventKind.OUTLIER_EJECTION:
            hosts = "a host" if event.count == 1 else f"{event.count} hosts"
            return f"ejected {hosts} of {upstream_name(event.upstream_cluster)}"
    return explain(event.reason, event.upstream_cluster)


def _filter(
    *,
    kind: list[EventKind] | None,
    service: list[str] | None,
    route: list[str] | None,
    cluster: list[str] | None,
    since: str,
    until: str,
    stored_since: str = "",
    now: int,
) -> EventFilter:
    try:
        begin, end = times.moment(since, now), times.moment(until, now)
        stored = times.moment(stored_since, now) if stored_since else 0
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    if begin > end:
        raise HTTPException(400, "The time ends before it begins: `since` is later than `until`.")
    kinds = tuple(it.value for it in kind or ())
    return EventFilter(begin, end, kinds, tuple(service or ()), tuple(route or ()), tuple(cluster or ()), stored)


def _place(cursor: str) -> tuple[int, str] | None:
    if not cursor:
        return None
    if not (found := PLACE.fullmatch(cursor)):
        raise HTTPException(400, "`cursor` is not one of ours: take `next` of the page before, unchanged.")
    return int(found[1]), found[2]


def _interval(text: str, window: int) -> int:
    if not text:
        return next((it for it in NICE_INTERVALS if window <= it * INTERVALS_WANTED), NICE_INTERVALS[-1])
    try:
        length = times.duration(text)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    if not length or window > length * MOST_INTERVALS:
        raise HTTPException(400, f"More than {MOST_INTERVALS} intervals: make `interval` longer or the time shorter.")
    return length
