"""Rows of one transaction in, its timeline out."""

from collections.abc import Sequence

from weftline.collector.store.protocol import Row
from weftline.query.timeline import course, order, spent
from weftline.query.timeline.causes import Causes
from weftline.query.timeline.clocks import estimate
from weftline.query.timeline.gaps import find_gaps
from weftline.query.timeline.hosts import hosts
from weftline.query.timeline.model import Entry, Timeline, kind_of
from weftline.query.timeline.outcome import is_error
from weftline.query.timeline.repeats import repeats
from weftline.query.timeline.summary import summarise


def assemble(transaction_id: str, rows: Sequence[Row]) -> Timeline:
    """Every row once (rows that repeat stay repeated), each after its cause; the order of ``rows`` doesn't matter.

    O(n log n) in time, O(n) in memory. No rows give a timeline without entries, whose times are 0.
    """
    causes = Causes(order.canonical(rows))
    order.break_cycles(causes)
    clock_of = hosts(causes.rows, causes.parents, causes.own_span)
    clocks = estimate(causes.rows, causes.parents, causes.by, clock_of)
    times = [row.time + clocks[clock].correction for row, clock in zip(causes.rows, clock_of, strict=True)]
    depth = order.depths(causes.parents)
    arranged = order.arrange(causes, depth, times)
    index_of = [0] * len(arranged)
    for index, position in enumerate(arranged):
        index_of[position] = index
    ordered = [causes.rows[position] for position in arranged]
    parents = [None if (it := causes.parents[position]) is None else index_of[it] for position in arranged]
    repeated = [
        repeats(row, None if parent is None else ordered[parent]) for row, parent in zip(ordered, parents, strict=True)
    ]
    first = times[arranged[0]] if arranged else 0
    way = course.lay(ordered, parents, [times[position] - first for position in arranged], repeated)
    own = course.self_times(way)
    entries = tuple(
        Entry(
            row=row,
            kind=kind_of(row),
            index=index,
            depth=depth[position],
            parent=parents[index],
            parent_by=causes.by[position],
            offset=row.time - first,
            error=is_error(row),
            correction=times[position] - row.time,
            self_time=own[index],
            repeats=repeated[index],
        )
        for index, (position, row) in enumerate(zip(arranged, ordered, strict=True))
    )
    path = spent.pieces(way, course.critical_path(way))
    shares = tuple(spent.shares(way, path))
    summary = summarise(transaction_id, entries, shares)
    return Timeline(summary, entries, tuple(clocks), tuple(path), shares, tuple(find_gaps(entries)))
