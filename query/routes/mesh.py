"""GET /api/v1/mesh: what the proxies say of themselves, held against what they recorded."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from weftline.collector.store.mesh import MeshReader
from weftline.query import times
from weftline.query.mesh.health import ClusterHealth, ListenerHealth, ProxyHealth, health, records_of, windows

SETTLE: Final = 15 * 10**9
"""ns that access logs may be on their way: what is younger isn't looked at."""
LONGEST: Final = times.duration("7d")


class ClusterHealthView(BaseModel):
    """What a proxy met on its way to one upstream cluster."""

    name: str
    requests: int
    breakers_open: dict[str, float] = Field(
        description="Share of looks at which a circuit breaker was open: cx, cx_pool, rq, rq_pending, rq_retry. It may "
        "open and close between two looks: the overflows count every refusal."
    )
    pending_overflow: int = Field(description="Requests refused: too many waited for a connection.")
    requests_overflow: int = Field(description="Requests refused: too many at a time.")
    connections_overflow: int = Field(description="Times that no further connection was allowed.")
    retry_overflow: int = Field(description="Retries not made: too many at a time.")
    retries: int
    retry_limit_exceeded: int
    timeouts: int
    connect_failures: int
    ejections: int = Field(description="Hosts ejected by outlier detection.")
    ejected: int = Field(description="Hosts ejected at the last look.")
    hosts: int
    healthy_hosts: int
    waited: int = Field(description="Requests that had to wait for a connection.")
    most_waiting: int = Field(description="At one look.")
    connect_ms: float | None = Field(description="Mean time a new connection took; null where none was made.")


class ListenerHealthView(BaseModel):
    """How the new connections of one listener fell on Envoy's workers."""

    address: str
    connections: dict[str, int] = Field(description="By worker.")
    unevenness: float = Field(description="The busiest worker's share of the mean; 1.0: all alike.")
    uneven: bool


class ProxyHealthView(BaseModel):
    """One proxy."""

    node_id: str
    service: str
    target: str
    since_unix_nano: str = Field(description="Its first look in the window …")
    until_unix_nano: str = Field(description="… and its last one.")
    looks: int
    finished: int = Field(description="Requests finished, by the proxy's own count (downstream_rq_total - _active).")
    recorded: int = Field(description="Of these, how many access logs arrived.")
    lost: int = Field(description="The difference; less than 0: some arrived twice.")
    uncertainty: int = Field(description="A difference up to this may be traffic at the ends of the window.")
    loses: bool = Field(description="Access logs are being lost.")
    dropped: int = Field(description="Records its access loggers say they dropped; Envoy's gRPC ALS doesn't say it.")
    spans_dropped: int
    clusters: list[ClusterHealthView]
    listeners: list[ListenerHealthView]


class MeshView(BaseModel):
    """All proxies whose stats were looked at."""

    proxies: list[ProxyHealthView]
    since_unix_nano: str
    until_unix_nano: str


def router(reader: MeshReader, clock: Callable[[], int] = time.time_ns) -> APIRouter:
    """The routes over ``reader``; ``clock`` in ns since the epoch. They block, so FastAPI runs them in its threads."""
    routes = APIRouter(prefix="/api/v1", tags=["mesh"])

    @routes.get(
        "/mesh",
        summary="The proxies' own health",
        responses={400: {"description": "`since` can't be understood."}},
    )
    def mesh(
        since: Annotated[str, Query(description="`15m` (ago), ISO 8601 or Unix seconds.")] = "15m",
    ) -> MeshView:
        """Needs `weftline mesh scrape`. The last 15 seconds are left out: access logs may still be on their way."""
        now = clock()
        try:
            begin, end = times.moment(since, now), now - SETTLE
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        if end - begin > LONGEST:
            raise HTTPException(400, "`since` may be at most 7d ago.")
        return MeshView(
            proxies=[proxy_view(it) for it in measure(reader, begin, end)],
            since_unix_nano=str(begin),
            until_unix_nano=str(end),
        )

    return routes


def measure(reader: MeshReader, since: int, until: int) -> list[ProxyHealth]:
    """The health of all proxies; their access logs are counted for the time between each one's own looks."""
    sums = reader.proxy_stats(since, until)
    asked: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for node_id, (first, last) in windows(sums).items():
        # Proxies that are looked at together share a question.
        asked[first // 10**9, last // 10**9].append(node_id)
    recorded: dict[str, int] = {}
    for (first, last), node_ids in asked.items():
        counts = reader.proxy_records(first * 10**9, last * 10**9)
        recorded |= {node_id: records_of(node_id, counts) for node_id in node_ids}
    return health(sums, recorded)


def proxy_view(proxy: ProxyHealth) -> ProxyHealthView:
    """The JSON of one proxy."""
    plain = {name: getattr(proxy, name) for name in ProxyHealthView.model_fields if hasattr(proxy, name)}
    return ProxyHealthView.model_validate(
        {
            **plain,
            "since_unix_nano": str(proxy.since),
            "until_unix_nano": str(proxy.until),
            "clusters": [_fields(it, ClusterHealthView) for it in proxy.clusters],
            "listeners": [_fields(it, ListenerHealthView) for it in proxy.listeners],
        }
    )


def _fields(it: ClusterHealth | ListenerHealth, model: type[BaseModel]) -> dict[str, object]:
    return {name: getattr(it, name) for name in model.model_fields}
