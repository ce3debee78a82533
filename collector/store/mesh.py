"""What the store knows of the mesh beside single transactions: its events. Rows and the protocol to read them.

Times are nanoseconds since the epoch, durations nanoseconds, ids lower-case hex text ('' where there is none).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class EventRow:
    """A governance event: one kind of failure or intervention that one proxy's record reports."""

    time: int
    """end of the request"""
    id: str
    """16 hex digits, the same whenever the same record is stored"""
    kind: str
    """a value of `EventKind`"""
    reason: str
    """the flags of this kind as logged, or the response code detail; '' for a retry"""
    transaction_id: str
    """'' for what a proxy's stats say: an ejected host belongs to no request"""
    span_id: str
    request_id: str
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
    duration: int
    count: int
    """more than one only where a counter of the proxy says so"""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Events with ``since`` <= time < ``until`` whose fields are among those named; an empty tuple leaves one open."""

    since: int
    until: int
    kinds: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    stored_since: int = 0
    """only what became known from then on: for those who follow, since rows may arrive late"""


@dataclass(frozen=True, slots=True)
class EventCount:
    """How many events of one kind a service's proxies reported in one interval."""

    start: int
    kind: str
    service: str
    count: int


@dataclass(frozen=True, slots=True)
class Hop:
    """What an access log says about its place in the chain of proxies of one request; see `AccessLogRow`."""

    transaction_id: str
    span_id: str
    parent_span_id: str
    upstream_span_id: str
    service: str
    proxy_role: str
    time: int
    response_code: int
    response_flags: str
    response_code_details: str
    connection_termination_details: str
    upstream_attempts: int
    grpc_status: str
    kind: str


@dataclass(frozen=True, slots=True)
class StatSum:
    """What one stat of one proxy did in a window of time."""

    node_id: str
    service: str
    target: str
    stat: str
    """Envoy's name without `envoy_`; `scrapes` counts the looks"""
    scope: str
    """cluster, connection manager or listener; '' for the process"""
    worker: str
    increase: float
    """of a counter"""
    last: float
    highest: float
    above_zero: int
    """looks at which it was above zero"""
    looks: int
    """rows: of `scrapes` all looks, of other stats those at which they had changed or weren't zero"""
    since: int
    """ns; of the first look, what came before is not in ``increase``"""
    until: int
    """ns; of the last look"""


class Passed(StrEnum):
    """How much of what came in a service passed on with a call. Facts of headers, nothing inferred."""

    TRACE = "trace"
    """the trace it got: nothing is missing"""
    TRANSACTION_ID = "transaction_id"
    """x-transaction-id only: joined, but a new trace begins"""
    REQUEST_ID = "request_id"
    """x-request-id only"""
    OWN_TRACE = "own_trace"
    """a traceparent that never came in: the service begins traces of its own"""
    NOTHING = "nothing"
    """no id at all: the proxy made new ones"""


INBOUND: Final = "inbound"


@dataclass(frozen=True, slots=True)
class OutboundCall:
    """A call that didn't carry everything on."""

    service: str
    node_id: str
    passed: str
    time: int
    transaction_id: str
    """its own, a new one"""
    request_id: str
    method: str
    path: str
    upstream_cluster: str


@dataclass(frozen=True, slots=True)
class PassedCount:
    """What the calls carried that one proxy's service made."""

    service: str
    node_id: str
    passed: str
    """a value of `Passed`, or `INBOUND` for what came in"""
    count: int
    newest: Sequence[OutboundCall] = ()
    """at most three calls that didn't carry everything on, newest first"""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """The innermost request that a service was working on at a moment."""

    transaction_id: str
    method: str
    path: str
    open: int
    """how many there were"""


class MeshReader(Protocol):
    """Calls block, are safe from several threads, and raise `TryLater` when the store is away."""

    def events(self, filter: EventFilter, limit: int, before: tuple[int, str] | None = None) -> Sequence[EventRow]:  # noqa: A002 - the field's word
        """At most ``limit`` events, newest first; with ``before`` (time, id) only what comes after it in that order."""

    def event_counts(self, filter: EventFilter, interval: int) -> Sequence[EventCount]:  # noqa: A002 - as above
        """Events by interval of ``interval`` ns (multiples since the epoch), kind and service, oldest first.

        Intervals without events are left out.
        """

    def hops(self, transaction_ids: Sequence[str]) -> Sequence[Hop]:
        """What every proxy recorded of these transactions, attempts too, by time; at most 10,000."""

    def proxy_stats(self, since: int, until: int) -> Sequence[StatSum]:
        """What proxies' stats did between two times; empty where nobody looks at them."""

    def proxy_records(self, since: int, until: int) -> Mapping[str, int]:
        """By node id, how many requests ended between two times (whole seconds) according to their access logs."""

    def passed_on(self, since: int, until: int) -> Sequence[PassedCount]:
        """What sidecars' services got and passed on, by service and proxy."""

    def open_request(self, service: str, node_id: str, time: int) -> OpenRequest | None:
        """What the service behind this proxy was working on then, by the proxy's clock; None: nothing."""
