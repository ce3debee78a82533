"""What a search gives, and what whoever runs one owes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from weftline.collector.store.conditions import Condition


@dataclass(frozen=True, slots=True)
class Window:
    """When a transaction began: ``since`` and ``until`` in nanoseconds since the epoch, both within."""

    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of results ended: start (ns) and ID of its last transaction."""

    start: int
    transaction_id: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A transaction that a search found. ``start`` and ``duration`` in ns, as its rows' own clocks had it."""

    transaction_id: str
    start: int
    duration: int
    root: str
    """What the first span or access log was; '' where only log lines are known."""
    response_code: int
    """Of the first access log; 0 where there is none, or the client left first."""
    response_flags: Sequence[str]
    services: Sequence[str]
    spans: int
    logs: int
    access_logs: int
    errors: int


FACETS: Final = ("found", "service", "status", "root", "response_code", "flags", "duration")
"""`found` (value '') counts the transactions looked at; the values of `duration` are the upper bounds of a histogram's
buckets in ns, powers of two; `response_code` is of those that have an access log."""


@dataclass(frozen=True, slots=True)
class Facet:
    """How many of the transactions looked at have ``value`` for ``name``, which is one of `FACETS`."""

    name: str
    value: str
    transactions: int


class Searcher(Protocol):
    """Finds transactions. Calls block and are safe from several threads.

    They raise `TryLater` when the store is away, and `AskOtherwise` when ``seconds`` or the store's own bounds on rows
    and memory don't suffice, or when it can't read a regular expression.
    """

    def search(
        self, condition: Condition, window: Window, before: Place | None, limit: int, seconds: float
    ) -> Sequence[Hit]:
        """At most ``limit`` transactions that began in ``window`` and fulfil ``condition``, newest first.

        With ``before``: only those that come after that place in this order. A row counts that is at most
        `ROWS_LATER` younger than the window's end.
        """

    def facets(self, condition: Condition, window: Window, limit: int, seconds: float) -> Sequence[Facet]:
        """Of the newest ``limit`` transactions that `search` would find, in the order of `FACETS`; of none nothing.

        Within one the most frequent come first, durations by size; a facet has at most 20 values.
        """
