"""What the store knows of services beside single transactions: rates, errors, durations, and who calls whom.

Times are nanoseconds since the epoch, durations nanoseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

LEVELS: Final = (0.5, 0.75, 0.9, 0.95, 0.99)
"""Of the quantiles below; those of `schema/0010_span_metrics.sql`."""

Quantiles = Sequence[int]
"""Durations at `LEVELS`, each off by at most 1 %."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """Calls from one service to another, by ids: spans or access logs of ``callee`` whose parent is of ``caller``."""

    caller: str
    callee: str
    calls: int
    errors: int
    """as the callee told it: a span with status error, an access log of a request from 500 on or without a response"""
    durations: Quantiles
    """of the call at the callee"""


@dataclass(frozen=True, slots=True)
class ProxiedCalls:
    """What a service's proxies of one role sent to one upstream cluster, or answered themselves."""

    service: str
    proxy_role: str
    """'' where the proxy doesn't say it"""
    upstream_cluster: str
    """as the proxy names it; '' where none was chosen"""
    callee: str
    """the service that was called by them; '' where no row of another one says so: it is away, or sends nothing"""
    calls: int
    errors: int
    """answered from 500 on, or not at all"""
    retried: int
    """sent upstream more than once"""
    flags: Mapping[str, int]
    """calls by single response flag"""
    durations: Quantiles


@dataclass(frozen=True, slots=True)
class RedFilter:
    """Spans that began within whole minutes of ``since`` <= time < ``until``; an empty tuple leaves a field open."""

    since: int
    until: int
    step: int
    """ns, whole minutes: a point is one step, a multiple of it since the epoch; 0: one point, from ``since`` on"""
    services: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    """names of spans"""
    kinds: tuple[str, ...] = ()
    """see `SpanRow.kind`"""
    by_operation: bool = True
    """False: operations of a service and kind together"""


@dataclass(frozen=True, slots=True)
class RedPoint:
    """What the spans of one service, operation and kind did in one step."""

    start: int
    service: str
    operation: str
    """'' where operations are together"""
    kind: str
    calls: int
    errors: int
    """spans with status error"""
    durations: Quantiles


class RedReader(Protocol):
    """Calls block, are safe from several threads, and raise `TryLater` when the store is away."""

    def dependencies(self, since: int, until: int) -> Sequence[Dependency]:
        """Edges between different services of the calls that began between two times (whole seconds), sorted.

        Exact whatever order and batches their ends came in; a call that began more than an hour after the hour of its
        caller's span (a message that waited long) is left out. Empty if there are none.
        """

    def proxied_calls(self, since: int, until: int) -> Sequence[ProxiedCalls]:
        """What proxies' access logs tell of the requests that began between two times, by service, role and cluster."""

    def red(self, filter: RedFilter) -> Sequence[RedPoint]:  # noqa: A002 - as in `MeshReader`
        """Points by start, service, operation, kind; steps without spans are left out."""
