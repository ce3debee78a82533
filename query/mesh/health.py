"""The health of each proxy in a window of time, from what its stats did and what it recorded. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from weftline.collector.store.mesh import StatSum

BREAKERS: Final = ("cx", "cx_pool", "rq", "rq_pending", "rq_retry")
"""Envoy's circuit breakers, priority default."""
UNCERTAIN_SECONDS: Final = 2
"""Both ends of the window are known to the second only: so much traffic a difference may be."""
UNEVEN: Final = 1.5
"""From which share of the mean on one worker's connections are worth a word …"""
FEW_CONNECTIONS: Final = 20
"""… unless they are so few that chance alone does it."""


@dataclass(frozen=True, slots=True)
class ClusterHealth:
    """What a proxy met on its way to one upstream cluster."""

    name: str
    requests: int
    breakers_open: Mapping[str, float]
    """share of looks, by breaker, those above zero only; a breaker may open and close between two looks"""
    pending_overflow: int
    """requests refused because too many waited for a connection"""
    requests_overflow: int
    connections_overflow: int
    """times that no further connection was allowed: requests wait for one, they aren't refused yet"""
    retry_overflow: int
    """retries not made because too many were on their way"""
    retries: int
    retry_limit_exceeded: int
    timeouts: int
    connect_failures: int
    ejections: int
    ejected: int
    """hosts ejected now"""
    hosts: int
    healthy_hosts: int
    waited: int
    """requests that had to wait for a connection"""
    most_waiting: int
    """at one look"""
    connect_ms: float | None
    """mean time that a new connection took; None where none was made"""


@dataclass(frozen=True, slots=True)
class ListenerHealth:
    """How the connections of one listener fell on the workers."""

    address: str
    connections: Mapping[str, int]
    """new ones in the window, by worker"""

    @property
    def unevenness(self) -> float:
        """The busiest worker's share, 1.0 where all have the same."""
        total = sum(self.connections.values())
        return max(self.connections.values()) * len(self.connections) / total if total else 1.0

    @property
    def uneven(self) -> bool:
        return self.unevenness >= UNEVEN and sum(self.connections.values()) >= FEW_CONNECTIONS


@dataclass(frozen=True, slots=True)
class ProxyHealth:
    """One proxy. ``since`` and ``until`` (ns) are its first and last look in the window."""

    node_id: str
    service: str
    target: str
    since: int
    until: int
    looks: int
    finished: int
    """requests, by its own count"""
    recorded: int
    """of which an access log arrived"""
    dropped: int
    """records its access loggers say they dropped"""
    spans_dropped: int
    clusters: Sequence[ClusterHealth] = ()
    listeners: Sequence[ListenerHealth] = ()

    @property
    def lost(self) -> int:
        """Access logs that never arrived. Less than zero: some arrived twice, or the clocks disagree."""
        return self.finished - self.recorded

    @property
    def uncertainty(self) -> int:
        """A difference up to this may be traffic at the ends of the window."""
        seconds = max(1, (self.until - self.since) // 10**9)
        return -(-self.finished * UNCERTAIN_SECONDS // seconds) if seconds > UNCERTAIN_SECONDS else self.finished

    @property
    def loses(self) -> bool:
        return self.lost > self.uncertainty


@dataclass(slots=True)
class _Proxy:
    service: str = ""
    target: str = ""
    since: int = 0
    until: int = 0
    looks: int = 0
    stats: dict[tuple[str, str, str], StatSum] = field(default_factory=dict)


def windows(sums: Iterable[StatSum]) -> dict[str, tuple[int, int]]:
    """By node id, the first and the last look: the time for which its requests are counted, in ns."""
    return {it.node_id: (it.since, it.until) for it in sums if it.stat == "scrapes"}


def health(sums: Sequence[StatSum], recorded: Mapping[str, int]) -> list[ProxyHealth]:
    """Each proxy's health; ``recorded`` by node id are the access logs of the same window. By service and node id."""
    proxies: defaultdict[str, _Proxy] = defaultdict(_Proxy)
    for it in sums:
        proxy = proxies[it.node_id]
        proxy.stats[it.stat, it.scope, it.worker] = it
        if it.stat == "scrapes":
            proxy.service, proxy.target = it.service, it.target
            proxy.since, proxy.until, proxy.looks = it.since, it.until, it.looks
    found = [_health(node_id, proxy, recorded) for node_id, proxy in proxies.items() if proxy.looks]
    return sorted(found, key=lambda it: (it.service, it.node_id))


def records_of(node_id: str, recorded: Mapping[str, int]) -> int:
    """Its access logs. A proxy known by its address only is the one whose node id has that address (Istio's do)."""
    if node_id in recorded:
        return recorded[node_id]
    host = node_id.rpartition(":")[0]
    return sum(count for name, count in recorded.items() if host and f"~{host}~" in name)


def _health(node_id: str, proxy: _Proxy, recorded: Mapping[str, int]) -> ProxyHealth:
    stats = proxy.stats.values()
    return ProxyHealth(
        node_id=node_id,
        service=proxy.service,
        target=proxy.target,
        since=proxy.since,
        until=proxy.until,
        looks=proxy.looks,
        finished=_total(stats, "http_downstream_rq_finished"),
        recorded=records_of(node_id, recorded),
        dropped=round(sum(it.increase for it in stats if it.stat.endswith(("logs_dropped", "entries_lost")))),
        spans_dropped=_total(stats, "tracing_opentelemetry_spans_dropped"),
        clusters=_clusters(proxy),
        listeners=_listeners(stats),
    )


def _total(stats: Iterable[StatSum], name: str) -> int:
    return round(sum(it.increase for it in stats if it.stat == name))


def _clusters(proxy: _Proxy) -> list[ClusterHealth]:
    names = sorted({scope for stat, scope, _ in proxy.stats if stat.startswith("cluster_") and scope})
    return [_cluster(name, proxy) for name in names]


def _cluster(name: str, proxy: _Proxy) -> ClusterHealth:
    def find(stat: str) -> StatSum | None:
        return proxy.stats.get((f"cluster_{stat}", name, ""))

    def more(stat: str) -> int:
        return round(it.increase) if (it := find(stat)) else 0

    def last(stat: str) -> int:
        return round(it.last) if (it := find(stat)) else 0

    breakers = {breaker: find(f"circuit_breakers_default_{breaker}_open") for breaker in BREAKERS}
    connects, waiting = more("upstream_cx_connect_ms_count"), find("upstream_rq_pending_active")
    connect_ms = it.increase / connects if connects and (it := find("upstream_cx_connect_ms_sum")) else None
    return ClusterHealth(
        name=name,
        requests=more("upstream_rq_total"),
        breakers_open={name: it.above_zero / proxy.looks for name, it in breakers.items() if it and it.above_zero},
        pending_overflow=more("upstream_rq_pending_overflow"),
        requests_overflow=more("upstream_rq_active_overflow"),
        connections_overflow=more("upstream_cx_overflow") + more("upstream_cx_pool_overflow"),
        retry_overflow=more("upstream_rq_retry_overflow"),
        retries=more("upstream_rq_retry"),
        retry_limit_exceeded=more("upstream_rq_retry_limit_exceeded"),
        timeouts=more("upstream_rq_timeout") + more("upstream_rq_per_try_timeout"),
        connect_failures=more("upstream_cx_connect_fail"),
        ejections=more("outlier_detection_ejections_enforced_total"),
        ejected=last("outlier_detection_ejections_active"),
        hosts=last("membership_total"),
        healthy_hosts=last("membership_healthy"),
        waited=more("upstream_rq_pending_total"),
        most_waiting=round(waiting.highest) if waiting else 0,
        connect_ms=connect_ms,
    )


def _listeners(stats: Iterable[StatSum]) -> list[ListenerHealth]:
    by_address: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for it in stats:
        if it.stat == "listener_worker_downstream_cx_total" and it.scope:
            by_address[it.scope][it.worker] = round(it.increase)
    return [ListenerHealth(address, dict(sorted(them.items()))) for address, them in sorted(by_address.items())]
