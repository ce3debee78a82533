"""How far the hosts' clocks are apart, as far as a transaction's own rows show it. Pure.

Whoever asked began before who was asked, and had its answer later: where ids say that one row caused another on another
host, its record encloses the other's. Each such pair bounds the difference of the two clocks; proxies' pairs from both
sides, because a proxy's record ends with the last byte sent. What satisfies all bounds without a correction stays as it
was recorded: nothing shows that those clocks disagree.
"""

from collections.abc import Sequence
from typing import Final

from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanRow
from weftline.query.timeline.hosts import role_of
from weftline.query.timeline.model import Clock, ParentBy
from weftline.query.timeline.settle import Difference, settle

MILLISECOND: Final = 1_000_000
MICROSECOND: Final = 1_000
CALLING: Final = ("client", "unspecified")
"""Span kinds that last until the answer is there."""


def estimate(
    rows: Sequence[Row], parents: Sequence[int | None], by: Sequence[ParentBy | None], clock_of: Sequence[int]
) -> list[Clock]:
    """The clocks by number (see `hosts`), corrected towards that of the root that lasted longest.

    Property: with bounds that don't contradict each other, no row begins before the one that caused it by ids on
    another host, but for the resolution of their times.
    """
    between: dict[tuple[int, int], Difference] = {}
    for position, parent in enumerate(parents):
        if parent is not None and by[position] == "span" and clock_of[position] != clock_of[parent]:
            pair = between.setdefault((clock_of[parent], clock_of[position]), Difference())
            _narrow(pair, rows[parent], rows[position])
    services: list[dict[str, None]] = [{} for _ in range(max(clock_of, default=-1) + 1)]
    for row, clock in zip(rows, clock_of, strict=True):
        services[clock][row.service] = None
    if not rows:
        return []
    settled = settle(len(services), _reference(rows, parents, clock_of), between)
    return [Clock(tuple(names), *it) for names, it in zip(services, settled, strict=True)]


def _reference(rows: Sequence[Row], parents: Sequence[int | None], clock_of: Sequence[int]) -> int:
    roots = [position for position, parent in enumerate(parents) if parent is None]
    # Ids in a circle leave no root; the first row is as good then.
    return clock_of[max(roots, key=lambda position: (_end(rows[position]) - rows[position].time, -position), default=0)]


def _narrow(it: Difference, above: Row, below: Row) -> None:
    """What one pair of rows adds to what is known of their clocks."""
    if isinstance(above, LogRow) or isinstance(below, LogRow):
        return
    it.pairs += 1
    it.resolution = max(it.resolution, _resolution(above) + _resolution(below))
    it.least = max(it.least, above.time - below.time)
    if not _waits(above, below):
        return
    fits = _end(above) - _end(below)
    if fits >= above.time - below.time:
        it.fits = min(it.fits, fits)
        if _is_proxys(above) and _is_proxys(below):
            it.most = min(it.most, fits)
    if _calls(above):
        it.most = min(it.most, _end(above) - below.time)


def _end(row: Row) -> int:
    return row.time if isinstance(row, LogRow) else row.time + row.duration


def _resolution(row: Row) -> int:
    """Whole milliseconds mean that the sender knows no better."""
    return MILLISECOND if row.time % MILLISECOND == 0 else MICROSECOND


def _waits(above: Row, below: Row) -> bool:
    """The upper row lasted until it had the answer; messages and callers that left didn't."""
    if isinstance(above, SpanRow) and above.kind == "producer":
        return False
    if isinstance(below, SpanRow):
        return below.kind != "consumer"
    return not (isinstance(below, AccessLogRow) and below.response_code == 0)


def _calls(row: Row) -> bool:
    return isinstance(row, AccessLogRow) or (isinstance(row, SpanRow) and row.kind in CALLING)


def _is_proxys(row: Row) -> bool:
    return isinstance(row, AccessLogRow) or role_of(row) != ""
