"""What a request was waiting for, at every moment from its beginning to its end: its critical path. Pure, and
iterative: causes may be 100,000 deep.

Going back from the end, a row waited for whichever of its children was last to end, and before that for whichever had
ended last when that one began; what no child covers, it spent itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from weftline.collector.store.protocol import LogRow, Row, SpanRow


@dataclass(frozen=True, slots=True)
class Course:
    """The rows of a transaction in causal order with their corrected times, in ns from the beginning of the first."""

    rows: Sequence[Row]
    parents: Sequence[int | None]
    starts: Sequence[int]
    ends: Sequence[int]
    repeated: Sequence[bool]
    """See `repeats`."""
    children: Sequence[Sequence[int]]
    """Of each row those that took time."""
    leaves: Sequence[bool]
    """Nothing hangs below the row, not even what took no time."""

    def timed_children(self, index: int) -> list[int]:
        """Children that took time, without those that repeat what their cause says."""
        below = self.children[index]
        own = [child for child in below if not (self.repeated[child] and self.leaves[child])]
        # Where only a proxy's own attempts are known, they tell its waiting from its work.
        return own if own or isinstance(self.rows[index], SpanRow) else list(below)

    def longest_root(self) -> int | None:
        """The root that lasted longest; None where nothing took time."""
        roots = [it for it, parent in enumerate(self.parents) if parent is None and self.ends[it] > self.starts[it]]
        return max(roots, key=lambda it: (self.ends[it] - self.starts[it], -it), default=None)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The request waited for the row at ``index`` itself, not for anything that it caused."""

    index: int
    start: int
    end: int


def lay(rows: Sequence[Row], parents: Sequence[int | None], starts: Sequence[int], repeated: Sequence[bool]) -> Course:
    """A `Course`; ``parents`` are positions of earlier rows."""
    ends = [start if isinstance(row, LogRow) else start + row.duration for start, row in zip(starts, rows, strict=True)]
    children: list[list[int]] = [[] for _ in rows]
    leaves = [True] * len(rows)
    for index, parent in enumerate(parents):
        if parent is not None:
            leaves[parent] = False
            if ends[index] > starts[index]:
                children[parent].append(index)
    return Course(rows, parents, starts, ends, repeated, children, leaves)


def critical_path(course: Course) -> list[Stretch]:
    """Stretches in order of time; without gap or overlap they cover the longest root from its beginning to its end."""
    root = course.longest_root()
    if root is None:
        return []
    starts, ends = course.starts, course.ends
    found: list[Stretch] = []
    stack: list[tuple[int, int, int, list[int] | None]] = [(root, starts[root], ends[root], None)]
    while stack:
        index, since, until, below = stack.pop()
        if until <= since:
            continue
        if below is None:
            below = sorted(course.timed_children(index), key=lambda child: (ends[child], child))
        waited_for = None
        while below and waited_for is None:
            child = below.pop()
            if starts[child] < until and ends[child] > since:
                waited_for = child
        if waited_for is None:
            found.append(Stretch(index, since, until))
            continue
        start, end = max(starts[waited_for], since), min(ends[waited_for], until)
        if end < until:
            found.append(Stretch(index, end, until))
        stack += [(index, since, start, below), (waited_for, start, end, None)]
    found.sort(key=lambda stretch: stretch.start)
    return found


def self_times(course: Course) -> list[int]:
    """Each row's duration without what its children covered of it, in ns; 0 for a record that repeats a span."""
    own = [0] * len(course.rows)
    for index, parent in enumerate(course.parents):
        since, until = course.starts[index], course.ends[index]
        if until <= since or (
            parent is not None and course.repeated[index] and isinstance(course.rows[parent], SpanRow)
        ):
            continue
        reached, covered = since, 0
        for child in sorted(course.timed_children(index), key=course.starts.__getitem__):
            start, end = max(course.starts[child], reached), min(course.ends[child], until)
            if end > start:
                covered += end - start
                reached = end
        own[index] = until - since - covered
    return own
