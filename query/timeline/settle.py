"""Corrections for clocks that satisfy every bound on their differences, and as few of them as that takes. Pure.

Bounds on differences are a shortest-path problem: what two clocks may differ by at most follows from what all those
between them may. Bounds that contradict the ones before them are left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

FOR_EVER: Final = 2**63
MOST_CLOCKS: Final = 64
"""With more, only what is known of two clocks directly counts: the rest would cost their number cubed."""

Settled = tuple[int, int | None, int | None, int]
"""Correction, its least and its most (None: unbounded, or contradictory), number of pairs; see `model.Clock`."""


@dataclass(slots=True)
class Difference:
    """What to add to the lower clock's times so that they agree with the upper one's, in ns."""

    least: int = -FOR_EVER
    most: int = FOR_EVER
    fits: int = FOR_EVER
    """With at most so much the lower rows end within the upper ones, too. A row may end later than it should."""
    resolution: int = 0
    """Of the times that the bounds are made of."""
    pairs: int = 0


def settle(count: int, reference: int, between: Mapping[tuple[int, int], Difference]) -> list[Settled]:
    """The correction of each clock from 0 to ``count``; ``between`` is by upper and lower clock. `reference` gets 0."""
    limit = [[0 if one == other else FOR_EVER for other in range(count)] for one in range(count)]
    contradicted: set[int] = set()
    for (above, below), it in sorted(between.items(), key=lambda one: -one[1].pairs):
        if not it.pairs:
            continue
        for upper, lower, most in ((below, above, it.resolution - it.least), (above, below, it.most + it.resolution)):
            if most < FOR_EVER and limit[lower][upper] + most < 0:
                contradicted |= {upper, lower}
            elif most < limit[upper][lower]:
                _tighten(limit, upper, lower, most)
    pairs = [0] * count
    for clocks, it in between.items():
        for clock in clocks:
            pairs[clock] += it.pairs
    corrections: dict[int, int] = {}
    for clock in _nearest_first(count, reference, between):
        corrections[clock] = _choose(clock, corrections, limit, between)
    settled: list[Settled] = []
    for clock in range(count):
        if clock == reference:
            settled.append((0, 0, 0, 0))
            continue
        earliest, latest = -limit[clock][reference], limit[reference][clock]
        bounded = clock not in contradicted
        settled.append(
            (
                corrections[clock],
                earliest if bounded and earliest > -FOR_EVER else None,
                latest if bounded and latest < FOR_EVER else None,
                pairs[clock],
            )
        )
    return settled


def _tighten(limit: list[list[int]], upper: int, lower: int, most: int) -> None:
    """Note that ``lower`` gets at most ``most`` more than ``upper``, and what follows from that."""
    count = len(limit)
    if count > MOST_CLOCKS:
        limit[upper][lower] = most
        return
    after = [(it, most + limit[lower][it]) for it in range(count) if limit[lower][it] < FOR_EVER]
    for before in range(count):
        if limit[before][upper] < FOR_EVER:
            row, so_far = limit[before], limit[before][upper]
            for it, further in after:
                if so_far + further < row[it]:  # noqa: PLR1730 - the innermost of three loops, and min() costs twice as much
                    row[it] = so_far + further


def _nearest_first(count: int, reference: int, between: Mapping[tuple[int, int], Difference]) -> Iterator[int]:
    neighbours: dict[int, list[int]] = {}
    for above, below in between:
        neighbours.setdefault(above, []).append(below)
        neighbours.setdefault(below, []).append(above)
    seen: dict[int, None] = {}
    for start in (reference, *range(count)):
        waiting = [] if start in seen else [start]
        for clock in waiting:
            if clock not in seen:
                seen[clock] = None
                yield clock
                waiting += neighbours.get(clock, ())


def _choose(
    clock: int,
    corrections: Mapping[int, int],
    limit: Sequence[Sequence[int]],
    between: Mapping[tuple[int, int], Difference],
) -> int:
    """A correction within the bounds that those of other clocks leave: none, if none is needed, else what fits best."""
    least = max(
        (it - limit[clock][at] for at, it in corrections.items() if limit[clock][at] < FOR_EVER), default=-FOR_EVER
    )
    most = min(
        (it + limit[at][clock] for at, it in corrections.items() if limit[at][clock] < FOR_EVER), default=FOR_EVER
    )
    if least <= 0 <= most:
        return 0
    low, high = -FOR_EVER, FOR_EVER
    for at, correction in corrections.items():
        if it := between.get((at, clock)):
            low, high = max(low, correction + it.least), min(high, correction + min(it.fits, it.most))
        if it := between.get((clock, at)):
            low, high = max(low, correction - min(it.fits, it.most)), min(high, correction - it.least)
    if low > high:
        low, high = least, most
    best = (low + high) // 2 if low > -FOR_EVER and high < FOR_EVER else low if least > 0 else high
    return min(max(best, least), most)
