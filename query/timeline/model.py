"""What a timeline is made of. Times are nanoseconds since the epoch as the rows' own clocks recorded them."""

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
    """Own time minus that of the first entry, in ns; negative where this row's clock is behind the first one's."""
    error: bool
    """The row itself reports a failure (see `outcome`)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a request failed and why, or what the mesh did to one that went well (see `verdict`)."""

    entry: int
    """Index of the proxy's record in the timeline."""
    service: str
    proxy_role: str
    kind: EventKind | None
    """None: an application answered with a failure, no proxy interfered."""
    reason: str
    """Flags or detail as Envoy has them; '' where there are none."""
    blame: Blame
    """Where to look next, seen from that proxy."""
    failed: bool
    """False: the client got its answer all the same."""
    text: str
    """``payment's outbound proxy: could not connect to ledger (Connection refused)``"""


@dataclass(frozen=True, slots=True)
class Summary:
    """The transaction in one line."""

    transaction_id: str
    start: int
    """Time of the first entry."""
    end: int
    """Latest end of any row, or `start` if that is later."""
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
    """None where nothing failed, or where no proxy recorded anything."""

    @property
    def duration(self) -> int:
        """Nanoseconds from start to end."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Timeline:
    """Every row of a transaction exactly once, each after the one that caused it."""

    summary: Summary
    entries: tuple[Entry, ...]
