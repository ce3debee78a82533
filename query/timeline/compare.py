"""How two transactions differ: rows with the same way of causes are the same row. Pure, and iterative."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanRow
from weftline.query.timeline.hosts import role_of
from weftline.query.timeline.lines import level, severity
from weftline.query.timeline.model import Entry, Kind

RATIO: Final = 1.25
LEAST: Final = 1_000_000
"""ns: less is noise."""
VARIES: Final = re.compile(r"\b(?=[0-9a-f-]*\d)[0-9a-f-]{8,}\b|\d+(?:\.\d+)?", re.IGNORECASE)
"""What differs from request to request: ids and numbers."""
LONGEST_NAME: Final = 300


class Change(StrEnum):
    """How B's rows differ from A's; the first that holds."""

    ONLY_A = "only_a"
    ONLY_B = "only_b"
    FAILED_IN_A = "failed_in_a"
    FAILED_IN_B = "failed_in_b"
    OUTCOME = "outcome"
    """other response codes or flags"""
    SLOWER = "slower"
    FASTER = "faster"
    COUNT = "count"
    """more or fewer of them"""
    SAME = "same"


@dataclass(slots=True)
class Side:
    """What one transaction has of a row."""

    count: int = 0
    errors: int = 0
    duration: int = 0
    """ns in all; 0 for log lines."""
    self_time: int = 0
    outcomes: dict[str, None] = field(default_factory=dict)
    """Response codes and flags, each once, in order of appearance."""
    first: int | None = None
    """Index of its first entry."""


@dataclass(slots=True)
class Pair:
    """The rows of both transactions that have the same name under the same causes."""

    kind: Kind
    service: str
    proxy_role: str
    name: str
    depth: int
    a: Side = field(default_factory=Side)
    b: Side = field(default_factory=Side)
    children: "dict[Key, Pair]" = field(default_factory=dict)

    @property
    def change(self) -> Change:
        a, b = self.a, self.b
        if not (a.count and b.count):
            return Change.ONLY_A if a.count else Change.ONLY_B
        if bool(a.errors) != bool(b.errors):
            return Change.FAILED_IN_A if a.errors else Change.FAILED_IN_B
        if set(a.outcomes) != set(b.outcomes):
            return Change.OUTCOME
        one, other = a.duration / a.count, b.duration / b.count
        if abs(other - one) > LEAST and max(one, other) > min(one, other) * RATIO:
            return Change.SLOWER if other > one else Change.FASTER
        return Change.SAME if a.count == b.count else Change.COUNT


Key = tuple[str, str, str, str]


def compare(a: Sequence[Entry], b: Sequence[Entry]) -> Iterator[Pair]:
    """The union of both trees, each row before those it caused, A's order first. Records that repeat a span are left
    out."""
    roots: dict[Key, Pair] = {}
    _merge(a, roots, "a")
    _merge(b, roots, "b")
    stack = list(reversed(roots.values()))
    while stack:
        pair = stack.pop()
        yield pair
        stack += reversed(pair.children.values())


def _merge(entries: Sequence[Entry], roots: dict[Key, Pair], side: str) -> None:
    pairs: list[Pair] = []
    for entry in entries:
        above = None if entry.parent is None else pairs[entry.parent]
        if entry.repeats and above is not None:
            _tell(above.a if side == "a" else above.b, entry.row)
            pairs.append(above)
            continue
        siblings = roots if above is None else above.children
        key = (entry.kind.value, entry.row.service, role_of(entry.row), name_of(entry.row))
        pair = siblings.get(key)
        if pair is None:
            depth = 0 if above is None else above.depth + 1
            pair = siblings[key] = Pair(entry.kind, key[1], key[2], key[3], depth)
        pairs.append(pair)
        one = pair.a if side == "a" else pair.b
        one.count += 1
        one.errors += entry.error
        one.self_time += entry.self_time
        one.duration += 0 if isinstance(entry.row, LogRow) else entry.row.duration
        one.first = entry.index if one.first is None else one.first
        _tell(one, entry.row)


def _tell(side: Side, row: Row) -> None:
    if isinstance(row, AccessLogRow):
        side.outcomes[f"{row.response_code} {row.response_flags}".strip()] = None


def name_of(row: Row) -> str:
    """The same for rows that do the same: without query strings, numbers and ids."""
    match row:
        case SpanRow():
            return row.name
        case LogRow():
            first = next(iter(row.body.splitlines()), "") or row.event_name
            return f"{level(severity(row)) or 'log'}: {VARIES.sub('#', first[:LONGEST_NAME])}"
        case AccessLogRow(kind="attempt"):
            return f"attempt to {row.upstream_cluster}" if row.upstream_cluster else "attempt"
        case AccessLogRow():
            path = VARIES.sub("#", row.path.partition("?")[0][:LONGEST_NAME])
            return f"{row.method} {path}".strip() or "connection"
