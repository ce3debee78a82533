"""Which interval is the innermost around a point of time or another interval. For inference only."""

from bisect import bisect_right
from collections.abc import Iterable


class Enclosing:
    """Intervals ``(start, end, key)``; look-ups are O(log n), keys with equal intervals win in input order's end.

    A maximum segment tree over the ends of the intervals sorted by start: the innermost interval around
    ``[start, end]`` is the last one that starts at or before ``start`` and ends at or after ``end``.
    """

    __slots__ = ("_keys", "_leaves", "_starts", "_tree")

    def __init__(self, intervals: Iterable[tuple[int, int, int]]) -> None:
        # Longer first among those that start together, so that the innermost is the last.
        ordered = sorted(intervals, key=lambda interval: (interval[0], -interval[1], interval[2]))
        self._starts = [start for start, _, _ in ordered]
        self._keys = [key for _, _, key in ordered]
        self._leaves = 1
        while self._leaves < len(ordered):
            self._leaves *= 2
        self._tree: list[float] = [float("-inf")] * (2 * self._leaves)
        for position, (_, end, _) in enumerate(ordered):
            self._tree[self._leaves + position] = end
        for node in range(self._leaves - 1, 0, -1):
            self._tree[node] = max(self._tree[2 * node], self._tree[2 * node + 1])

    def find(self, start: int, end: int, besides: int = -1) -> int | None:
        """The key of the innermost interval around ``[start, end]`` other than ``besides``; None if there is none."""
        last = bisect_right(self._starts, start) - 1
        while (position := self._last_reaching(last, end)) is not None:
            if self._keys[position] != besides:
                return self._keys[position]
            last = position - 1
        return None

    def _last_reaching(self, last: int, end: int) -> int | None:
        """The highest position up to ``last`` whose interval ends at or after ``end``."""
        if last < 0:
            return None
        node = self._leaves + last
        while self._tree[node] < end:
            # Up and to the left: the nearest subtree before this one.
            while node % 2 == 0:
                node //= 2
            if node == 1:
                return None
            node -= 1
        while node < self._leaves:
            node = 2 * node + 1 if self._tree[2 * node + 1] >= end else 2 * node
        return node - self._leaves
