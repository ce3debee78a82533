"""Of the spans that the walk found one row each, in the order in which the table keeps them.

ClickHouse sorts what comes in another order, and moving text about costs it a third of storing a span.
"""

import numpy as np

from weftline.collector.store.native.columns import Column, Memory, put4, put8, repeat
from weftline.collector.store.native.machine_code import Array, Bytes, Numbers, inlined, load8, machine_code, prefetch
from weftline.collector.store.native.span import put_span

# numba knows numbers, and no enumerations.
_START, _END, _ORIGIN = int(Column.PLACE_START), int(Column.PLACE_END), int(Column.PLACE_ORIGIN)
_SERVICE, _SCOPE_NAME, _SCOPE_VERSION = int(Column.SERVICE), int(Column.SCOPE_NAME), int(Column.SCOPE_VERSION)
_SCOPE_KEYS, _SCOPE_VALUES, _SCOPE_ENDS = int(Column.SCOPE_KEYS), int(Column.SCOPE_VALUES), int(Column.SCOPE_ENDS)
_RESOURCE_KEYS, _RESOURCE_VALUES = int(Column.RESOURCE_KEYS), int(Column.RESOURCE_VALUES)
_RESOURCE_ENDS = int(Column.RESOURCE_ENDS)
_QUARTER_HOUR = 900_000_000_000
"""ns"""
_LINE, _MOST = 64, 1024
"""Bytes that memory is brought near by, and the most that is wanted of one span."""


def table_order(m: Memory, starts: Array) -> Array:
    """int64: the numbers of the spans by quarter hour, transaction and time, which is the sort key of the table."""
    column = Column.PLACE_TRANSACTION_ID
    ids = m.out[starts[column] : m.at[column]].view(">u8").astype(np.uint64).reshape(-1, 2)
    times = m.out[starts[Column.PLACE_TIME] : m.at[Column.PLACE_TIME]].view(np.int64)
    quarters = times // _QUARTER_HOUR
    keys = (times, ids[:, 1], ids[:, 0])
    return np.lexsort(keys if quarters.size == 0 or np.ptp(quarters) == 0 else (*keys, quarters))


@machine_code
def _put_origin(m: Memory, at: int, starts: Numbers) -> bool:
    """The record at ``at``, as the walk wrote it."""
    out = m.out
    if not repeat(m, _RESOURCE_KEYS, load8(out, at + 8), load8(out, at + 16)):
        return False
    if not repeat(m, _RESOURCE_VALUES, load8(out, at + 24), load8(out, at + 32)):
        return False
    if not repeat(m, _SCOPE_KEYS, load8(out, at + 56), load8(out, at + 64)):
        return False
    if not repeat(m, _SCOPE_VALUES, load8(out, at + 72), load8(out, at + 80)):
        return False
    put4(m, _SERVICE, load8(out, at))
    put4(m, _SCOPE_NAME, load8(out, at + 40))
    put4(m, _SCOPE_VERSION, load8(out, at + 48))
    put8(m, _SCOPE_ENDS, (m.at[_SCOPE_KEYS] - starts[_SCOPE_KEYS]) >> 2)
    put8(m, _RESOURCE_ENDS, (m.at[_RESOURCE_KEYS] - starts[_RESOURCE_KEYS]) >> 2)
    return True


@inlined
def _bring(b: Bytes, p: int, e: int) -> None:
    while p < e:
        prefetch(b, p)
        p += _LINE


@machine_code
def put_rows(m: Memory, order: Numbers, starts: Numbers) -> bool:
    """Append the spans that the walk found, in ``order``. False: the reason is in ``m.ended``."""
    rows = order.shape[0]
    for row in range(rows):
        m.ended[2] = row
        # In this order spans stand anywhere in the messages: waiting for memory would take as long as all the rest.
        if row + 4 < rows:
            place = order[row + 4] << 3
            prefetch(m.out, starts[_START] + place)
            prefetch(m.out, starts[_END] + place)
            prefetch(m.out, starts[_ORIGIN] + place)
        if row + 2 < rows:
            place = order[row + 2] << 3
            p = load8(m.out, starts[_START] + place)
            _bring(m.source, p, min(p + _MOST, load8(m.out, starts[_END] + place)))
            at = load8(m.out, starts[_ORIGIN] + place)
            _bring(m.out, load8(m.out, at + 8), load8(m.out, at + 16))
            _bring(m.out, load8(m.out, at + 24), min(load8(m.out, at + 24) + _MOST, load8(m.out, at + 32)))
        place = order[row] << 3
        p = load8(m.out, starts[_START] + place)
        e = load8(m.out, starts[_END] + place)
        if not put_span(m, p, e, starts):
            return False
        if not _put_origin(m, load8(m.out, starts[_ORIGIN] + place), starts):
            return False
    return True
