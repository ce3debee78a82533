"""What a timeline is made of. Times are nanoseconds since the epoch as the rows' own clocks recorded them, unless it
says corrected."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from weftline.collector.store.event_kinds import Blame, EventKind
from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanRow


class Kind(StrEnum):
    """What a row is."""

    SPAN = "span"
    LOG = "log"
    ACCESS_LOG = "access_log"
    ATTEMPT = "attempt"
    """A proxy's record of one attempt to have a request answered upstream. The request has an access log of its own."""


ParentBy = Literal["span", "inferred"]
"""How a cause is known: ``span`` by ids alone, ``inferred`` from service, time and retries. Never mixed up."""


def kind_of(row: Row) -> Kind:
    match row:
        case SpanRow():
            return Kind.SPAN
        case AccessLogRow():
            return Kind.ATTEMPT if row.kind == "attempt" else Kind.ACCESS_LOG
        case LogRow():
            return Kind.LOG


@dataclass(frozen=True, slots=True)
class Entry:
    """One row at its place in the timeline."""

    row: Row
    kind: Kind
    index: int
    """Position in `Timeline.entries`."""
    depth: int
    """Number of causes above it; 0 for a root."""
    parent: int | None
    """Index of the entry that caused it, always smaller than `index`; None for a root."""
    parent_by: ParentBy | None
    offset: int
    """Own time minus `Summary.start`, in ns; negative where this row's clock is behind the first one's."""
    error: bool
    """The row itself reports a failure (see `outcome`)."""
    correction: int
    """To be added to the own time, in ns, so that the clocks agree (see `clocks`); 0 for most. Inferred."""
    self_time: int
    """The duration without what its children covered of it, in ns, by corrected times."""
    repeats: bool
    """It says again what its cause says: a proxy's record beside the proxy's own span."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What one host's rows show about its clock, against that of the root that lasted longest. Inferred."""

    services: tuple[str, ...]
    """Those with rows of this clock, in order of appearance."""
    correction: int
    """Added to each of its times, in ns; 0 where nothing shows that it is wrong."""
    earliest: int | None
    """The correction is at least so much; None where nothing bounds it."""
    latest: int | None
    """The correction is at most so much; None where nothing bounds it, or where the bounds contradict each other."""
    pairs: int
    """How many pairs of a caller's and a callee's rows show it; 0 for the reference, and for what nothing relates."""


class Place(StrEnum):
    """Where time on the critical path was spent."""

    SERVICE = "service"
    PROXY = "proxy"
    """the proxy's own work; without its spans also the way to the next hop, and then inferred"""
    QUEUE = "queue"
    """a proxy waited for a connection to the upstream: queued in the pool, or connecting"""
    NETWORK = "network"
    """between one side's sending and the other's receiving, less what the receiver says it took"""
    WAITING = "waiting"
    """something was called that left no record: a database, another site, a service without tracing"""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the critical path: the request waited for ``entry`` itself. Times are ns from `Summary.start`."""

    entry: int
    start: int
    end: int
    place: Place
    inferred: bool


@dataclass(frozen=True, slots=True)
class Share:
    """The pieces of the critical path at one place of one service."""

    place: Place
    service: str
    duration: int
    inferred: bool
    """At least one of the pieces is."""
    longest: int
    """Index of the entry of the longest piece."""


class GapKind(StrEnum):
    """What a timeline has not, though its rows show that it happened."""

    LOGGED_WITHOUT_SPANS = "logged_without_spans"
    """A service logged and sent no spans, while others did."""
    ONLY_PROXIES = "only_proxies"
    """Proxies of a service saw the request; the application left neither span nor log line."""
    MISSING_PARENT = "missing_parent"
    """Spans name a parent that nobody recorded."""
    SILENT_UPSTREAM = "silent_upstream"
    """A proxy sent the request on to somebody who recorded nothing."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that left no record; inferred from the rows around it."""

    kind: GapKind
    service: str
    entries: tuple[int, ...]
    """The first rows that show it, `gaps.EVIDENCE` at most."""
    text: str
    """``payment logged but sent no spans``"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a request failed and why, what the mesh did to one that went well, or where a slow one's time went."""

    entry: int
    """Index of the record in the timeline: the proxy's, where one recorded it."""
    service: str
    proxy_role: str
    """'' where it is an application's row."""
    kind: EventKind | None
    """None: an application answered with a failure, or was slow; no proxy interfered."""
    reason: str
    """Flags or detail as Envoy has them; '' where there are none."""
    blame: Blame | None
    """Where to look next, seen from that proxy; None where it isn't a proxy's record."""
    failed: bool
    """False: the client got its answer all the same."""
    text: str
    """``payment's outbound proxy: could not connect to ledger (Connection refused)``"""
    evidence: tuple[int, ...]
    """Indices of the entries that the text rests on, the first of them `entry`."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The transaction in one line."""

    transaction_id: str
    start: int
    """Time of the first entry, by its corrected clock."""
    end: int
    """Latest end of any row by corrected clocks, or `start` if that is later."""
    services: tuple[str, ...]
    """In order of appearance."""
    spans: int
    access_logs: int
    logs: int
    errors: int
    """Number of entries with `Entry.error`; an attempt's failure is its request's, or was made good."""
    response_code: int | None
    """Of the outermost access log (0: the client left first), without one of the outermost server span; else None."""
    response_flags: str
    """Of the outermost access log; '' for none."""
    sampled: bool
    """There is at least one span."""
    root: str
    """Method and path of the outermost access log, else the name of the first span, else ''."""
    verdict: Verdict | None
    """None where nothing failed and the request wasn't slow."""

    @property
    def duration(self) -> int:
        """Nanoseconds from start to end."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Timeline:
    """Every row of a transaction exactly once, each after the one that caused it."""

    summary: Summary
    entries: tuple[Entry, ...]
    clocks: tuple[Clock, ...]
    path: tuple[Piece, ...]
    """The critical path, in order of time, without gap or overlap; empty where nothing took time."""
    shares: tuple[Share, ...]
    """The critical path by place and service, the largest first."""
    gaps: tuple[Gap, ...]
