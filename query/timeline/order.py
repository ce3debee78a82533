"""The order of a timeline: cause first, then time. Iterative throughout: causes may be 100,000 deep."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanRow
from weftline.query.timeline.causes import ENTRANCES, Causes

UNKNOWN: Final = -1


def canonical(rows: Sequence[Row]) -> list[Row]:
    """The rows in an order that depends on their content alone, so that equal input in any order gives equal output.

    By time, then what begins before what; whole contents are compared only where that leaves a tie.
    """
    ordered: list[Row] = []
    for _, tied in groupby(sorted(rows, key=_short_key), key=_short_key):
        group = list(tied)
        ordered += group if len(group) == 1 else sorted(group, key=_content)
    return ordered


def break_cycles(causes: Causes) -> None:
    """Cut one link of every cycle: an inferred one if there is one, else the link of the row that comes first."""
    parents, by = causes.parents, causes.by
    walk_of = [UNKNOWN] * len(parents)
    for start in range(len(parents)):
        at: int | None = start
        while at is not None and walk_of[at] == UNKNOWN:
            walk_of[at] = start
            at = parents[at]
        if at is None or walk_of[at] != start:
            continue
        cycle = [at]
        while (following := parents[cycle[-1]]) is not None and following != at:
            cycle.append(following)
        cut = min(cycle, key=lambda position: (by[position] != "inferred", position))
        parents[cut] = None
        by[cut] = None


def depths(parents: Sequence[int | None]) -> list[int]:
    """The number of causes above each row. ``parents`` must be free of cycles."""
    depth = [UNKNOWN] * len(parents)
    for start in range(len(parents)):
        path: list[int] = []
        at: int | None = start
        while at is not None and depth[at] == UNKNOWN:
            path.append(at)
            at = parents[at]
        above = UNKNOWN if at is None else depth[at]
        for position in reversed(path):
            above += 1
            depth[position] = above
    return depth


def arrange(causes: Causes, depth: Sequence[int], times: Sequence[int]) -> list[int]:
    """Positions of the rows in timeline order; ``times`` are the rows' by corrected clocks.

    A row's effective time is its own or its cause's effective time, whichever is later: so a host whose clock is
    behind doesn't get its rows before their cause. Such rows follow that cause at once, among themselves as a tree
    by their own times; so does a proxy's access log its own server span. All others go by effective time; ties:
    smaller depth first, then requests before other spans before log lines.
    """
    parents, rows = causes.parents, causes.rows
    effective = [0] * len(rows)
    leaders: list[int] = []
    followers: defaultdict[int, list[int]] = defaultdict(list)
    for position in sorted(range(len(rows)), key=depth.__getitem__):
        parent = parents[position]
        time = times[position]
        if parent is None or (time >= effective[parent] and causes.own_span.get(position) != parent):
            effective[position] = time
            leaders.append(position)
        else:
            effective[position] = effective[parent]
            followers[parent].append(position)
    leaders.sort(key=lambda position: (effective[position], depth[position], _rank(rows[position]), position))
    for group in followers.values():
        # Last first, because the stack below takes from the end.
        group.sort(key=lambda position: (position not in causes.own_span, times[position], position), reverse=True)
    arranged: list[int] = []
    stack = leaders[::-1]
    while stack:
        position = stack.pop()
        arranged.append(position)
        stack += followers.get(position, ())
    return arranged


def _rank(row: Row) -> int:
    match row:
        case AccessLogRow():
            return 0
        case SpanRow():
            return 0 if row.kind in ENTRANCES else 1
        case LogRow():
            return 2


def _short_key(row: Row) -> tuple[int, int, str, str]:
    return (row.time, _rank(row), row.span_id, row.service)


def _content(row: Row) -> str:
    return repr((type(row).__name__, _plain(row)))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return [_plain(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return sorted(value.items())
    if isinstance(value, str | int):
        return value
    return [_plain(item) for item in value]
