"""Which of an Envoy's stats are kept, read out of Prometheus' text format. Pure.

An Envoy has thousands; kept are those that say what the mesh lost or refused, and how near it is to refusing. Names:
Envoy's statistics pages (HTTP connection manager, cluster, circuit breakers, outlier detection, listener), 1.40.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

PREFIX: Final = "envoy_"
CLUSTER: Final = "envoy_cluster_name"
MANAGER: Final = "envoy_http_conn_manager_prefix"
LISTENER: Final = "envoy_listener_address"
WORKER: Final = "envoy_worker_id"
NOT_TRAFFIC: Final = frozenset({"admin", "agent", "stats"})
"""Connection managers of Envoy itself and of Istio's agent: they write no access log."""

COUNTERS: Final = frozenset(
    {
        "http_downstream_rq_total",
        "cluster_upstream_rq_total",
        "cluster_upstream_rq_pending_total",
        "cluster_upstream_rq_pending_overflow",
        "cluster_upstream_rq_active_overflow",
        "cluster_upstream_cx_overflow",
        "cluster_upstream_cx_pool_overflow",
        "cluster_upstream_cx_connect_fail",
        "cluster_upstream_cx_connect_ms_sum",
        "cluster_upstream_cx_connect_ms_count",
        "cluster_upstream_rq_timeout",
        "cluster_upstream_rq_per_try_timeout",
        "cluster_upstream_rq_retry",
        "cluster_upstream_rq_retry_overflow",
        "cluster_upstream_rq_retry_limit_exceeded",
        "cluster_outlier_detection_ejections_enforced_total",
        "listener_worker_downstream_cx_total",
        "tracing_opentelemetry_spans_dropped",
    }
)
GAUGES: Final = frozenset(
    {
        "http_downstream_rq_active",
        "cluster_upstream_rq_pending_active",
        "cluster_outlier_detection_ejections_active",
        "cluster_membership_healthy",
        "cluster_membership_total",
        "cluster_circuit_breakers_default_cx_open",
        "cluster_circuit_breakers_default_cx_pool_open",
        "cluster_circuit_breakers_default_rq_open",
        "cluster_circuit_breakers_default_rq_pending_open",
        "cluster_circuit_breakers_default_rq_retry_open",
    }
)
SINKS: Final = re.compile(r"access_logs_.*(logs_dropped|logs_written|entries_lost|entries_buffered)")
"""Counters of the access loggers, one set for each kind of sink."""
FINISHED: Final = "http_downstream_rq_finished"
SCRAPES: Final = "scrapes"
_NAME: Final = re.compile(r"envoy_([a-zA-Z0-9_:]+)")


@dataclass(frozen=True, slots=True)
class Key:
    """Which stat of a proxy."""

    stat: str
    scope: str = ""
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """One look at a proxy."""

    counters: Mapping[Key, float]
    gauges: Mapping[Key, float]


def read(text: str) -> Stats:
    """What is kept of ``text``. Raises `ValueError` where a line that is wanted can't be read."""
    counters: dict[Key, float] = {}
    gauges: dict[Key, float] = {}
    for family in text_string_to_metric_families("\n".join(_wanted(text.splitlines())) + "\n"):
        for sample in family.samples:
            stat = sample.name.removeprefix(PREFIX)
            labels = sample.labels
            if labels.get(MANAGER) in NOT_TRAFFIC:
                continue
            scope = labels.get(CLUSTER) or labels.get(MANAGER) or labels.get(LISTENER) or ""
            key = Key(stat, scope, labels.get(WORKER, ""))
            kept = gauges if stat in GAUGES else counters
            kept[key] = kept.get(key, 0.0) + sample.value
    for key, total in [(key, total) for key, total in counters.items() if key.stat == "http_downstream_rq_total"]:
        active = gauges.get(Key("http_downstream_rq_active", key.scope), 0.0)
        counters[Key(FINISHED, key.scope)] = total - active
    return Stats(counters, gauges)


def _wanted(lines: Iterable[str]) -> Iterable[str]:
    """Samples of the stats that are kept, without the types: every family becomes one of single samples."""
    for line in lines:
        found = _NAME.match(line)
        if found and (found[1] in COUNTERS or found[1] in GAUGES or SINKS.fullmatch(found[1])):
            yield line
