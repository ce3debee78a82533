"""Which of a transaction's lines are wanted, as data: `read/lines_*.sql` has it in SQL, `query/timeline/` in Python."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

LineKind = Literal["log", "access_log", "attempt"]


@dataclass(frozen=True, slots=True)
class LineFilter:
    """What a line must have; empty collections and texts ask for nothing."""

    services: Collection[str] = ()
    kinds: Collection[LineKind] = ()
    level: int = 0
    """The least severity; a line that doesn't say any passes only without it."""
    text: str = ""
    """Somewhere in the line, in any case."""
    since: int = 0
    until: int = 2**63 - 1
    """ns since the epoch by the row's own clock, both inclusive."""


@dataclass(frozen=True, slots=True)
class LineBounds:
    """What looking for lines may cost."""

    most: int
    """lines of a kind that are looked at"""
    seconds: float
