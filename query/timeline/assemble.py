"""Rows of one transaction in, its timeline out."""

from collections.abc import Sequence

from weftline.collector.store.protocol import Row
from weftline.query.timeline import order
from weftline.query.timeline.causes import Causes
from weftline.query.timeline.model import Entry, Timeline, kind_of
from weftline.query.timeline.outcome import is_error
from weftline.query.timeline.summary import summarise


def assemble(transaction_id: str, rows: Sequence[Row]) -> Timeline:
    """Every row once (rows that repeat stay repeated), each after its cause; the order of ``rows`` doesn't matter.

    O(n log n) in time, O(n) in memory. No rows give a timeline without entries, whose times are 0.
    """
    causes = Causes(order.canonical(rows))
    order.break_cycles(causes)
    depth = order.depths(causes.parents)
    arranged = order.arrange(causes, depth)
    index_of = [0] * len(arranged)
    for index, position in enumerate(arranged):
        index_of[position] = index
    start = causes.rows[arranged[0]].time if arranged else 0
    entries: list[Entry] = []
    for index, position in enumerate(arranged):
        row = causes.rows[position]
        parent = causes.parents[position]
        entries.append(
            Entry(
                row=row,
                kind=kind_of(row),
                index=index,
                depth=depth[position],
                parent=None if parent is None else index_of[parent],
                parent_by=causes.by[position],
                offset=row.time - start,
                error=is_error(row),
            )
        )
    return Timeline(summarise(transaction_id, entries), tuple(entries))
