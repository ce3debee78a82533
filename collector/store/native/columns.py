"""The columns of a batch while they grow: stretches of one array of bytes, each with an end that is never passed.

`Memory` is all that the walk reads and writes. Who appends asks for room first; where there is none the walk ends,
`encoder` makes the stretch larger and the walk begins anew.
"""

from enum import IntEnum, auto
from typing import Annotated, NamedTuple

from numba.core import types

from weftline.collector.store.native.machine_code import (
    Array,
    Bytes,
    Numbers,
    inlined,
    load8,
    machine_code,
    store4,
    store8,
)

SLACK = 64
"""Bytes behind every stretch, and behind the messages: copying goes by eight bytes and may go beyond."""


class Memory(NamedTuple):
    """Lent to the walk for one batch."""

    source: Bytes
    """the messages, uint8, `SLACK` more than they are long"""
    out: Bytes
    """all stretches, uint8"""
    at: Numbers
    """int64: where the next byte of a column goes"""
    end: Numbers
    """int64: where its stretch ends"""
    slots: Annotated[Array, types.int32[:, ::1]]
    """int32, a row a `Dictionary`: the hash table, numbers of texts"""
    starts: Annotated[Array, types.int64[:, ::1]]
    """int64, a row a dictionary: where in ``out`` a text stands; the next two are of texts too"""
    sizes: Annotated[Array, types.int32[:, ::1]]
    """int32: its bytes"""
    kinds: Annotated[Array, types.uint8[:, ::1]]
    """uint8: what it is as a key (`redact`)"""
    counts: Numbers
    """int64: texts of a dictionary"""
    ended: Numbers
    """int64, three: `Ended`; which column or dictionary was too small; how much had room, bytes walked or rows made"""


class Ended(IntEnum):
    WELL = 0
    LEFT_TO_CLICKHOUSE = 1
    COLUMN_FULL = 2
    DICTIONARY_FULL = 3


class Column(IntEnum):
    """A stretch. Of a Map there are three (where each row ends, keys, values), of LowCardinality the indexes."""

    TIME = 0
    DURATION = auto()
    TRANSACTION_ID = auto()
    SPAN_ID = auto()
    PARENT_SPAN_ID = auto()
    FLAGS = auto()
    KIND = auto()
    STATUS = auto()
    SERVICE = auto()
    NAME = auto()
    SCOPE_NAME = auto()
    SCOPE_VERSION = auto()
    SCOPE_ENDS = auto()
    RESOURCE_ENDS = auto()
    ATTRIBUTE_ENDS = auto()
    TYPE_ENDS = auto()
    EVENT_ENDS = auto()
    LINK_ENDS = auto()
    TRACE_STATE = auto()
    STATUS_MESSAGE = auto()
    SCOPE_KEYS = auto()
    SCOPE_VALUES = auto()
    RESOURCE_KEYS = auto()
    RESOURCE_VALUES = auto()
    ATTRIBUTE_KEYS = auto()
    ATTRIBUTE_VALUES = auto()
    TYPE_KEYS = auto()
    """numbers in the dictionary of the attributes' keys"""
    TYPES = auto()
    EVENT_TIME = auto()
    EVENT_NAME = auto()
    EVENT_ATTRIBUTE_ENDS = auto()
    EVENT_KEYS = auto()
    EVENT_VALUES = auto()
    LINK_TRACE_ID = auto()
    LINK_SPAN_ID = auto()
    LINK_ATTRIBUTE_ENDS = auto()
    LINK_KEYS = auto()
    LINK_VALUES = auto()
    PLACE_START = auto()
    """this and the next: what is known of the spans before they are rows, in the order in which they came"""
    PLACE_END = auto()
    PLACE_TRANSACTION_ID = auto()
    PLACE_TIME = auto()
    PLACE_ORIGIN = auto()
    ORIGINS = auto()
    """a record of `ORIGIN_BYTES` for each resource and scope that spans came from (`walk`), and the pairs of both"""
    ORIGIN_KEYS = auto()
    ORIGIN_VALUES = auto()
    SCRATCH = auto()
    """what a value was before secrets were taken out"""
    DICTIONARIES = auto()
    """the first of the dictionaries' texts, in the order of `Dictionary`"""


class Dictionary(IntEnum):
    """Of the LowCardinality columns, and of the keys of maps."""

    SERVICE = 0
    NAME = auto()
    SCOPE_NAME = auto()
    SCOPE_VERSION = auto()
    EVENT_NAME = auto()
    SCOPE_KEYS = auto()
    RESOURCE_KEYS = auto()
    ATTRIBUTE_KEYS = auto()
    EVENT_KEYS = auto()
    LINK_KEYS = auto()


COLUMNS = int(Column.DICTIONARIES) + len(Dictionary)
FIXED = {
    Column.TIME: 8, Column.DURATION: 8, Column.TRANSACTION_ID: 16, Column.SPAN_ID: 8, Column.PARENT_SPAN_ID: 8,
    Column.FLAGS: 4, Column.KIND: 1, Column.STATUS: 1, Column.SERVICE: 4, Column.NAME: 4, Column.SCOPE_NAME: 4,
    Column.SCOPE_VERSION: 4, Column.SCOPE_ENDS: 8, Column.RESOURCE_ENDS: 8, Column.ATTRIBUTE_ENDS: 8,
    Column.TYPE_ENDS: 8, Column.EVENT_ENDS: 8, Column.LINK_ENDS: 8,
}  # fmt: skip
"""Bytes a span. These have room for as many spans as `Column.TIME` has."""
EVENT_FIXED = {Column.EVENT_TIME: 8, Column.EVENT_NAME: 4, Column.EVENT_ATTRIBUTE_ENDS: 8}
LINK_FIXED = {Column.LINK_TRACE_ID: 16, Column.LINK_SPAN_ID: 8, Column.LINK_ATTRIBUTE_ENDS: 8}
PLACE_FIXED = {
    Column.PLACE_START: 8, Column.PLACE_END: 8, Column.PLACE_TRANSACTION_ID: 16, Column.PLACE_TIME: 8,
    Column.PLACE_ORIGIN: 8,
}  # fmt: skip
ORIGIN_BYTES = 11 * 8
WALKED = (*PLACE_FIXED, Column.ORIGINS, Column.ORIGIN_KEYS, Column.ORIGIN_VALUES)
"""What the walk fills; the rows fill the others."""


@machine_code
def leave(m: Memory) -> bool:
    """The walk ends here: this batch is for ClickHouse to decode. Always False."""
    m.ended[0] = 1
    return False


@machine_code
def full(m: Memory, column: int) -> bool:
    """The walk ends here, for want of room. Always False."""
    m.ended[0] = 2
    m.ended[1] = column
    return False


@inlined
def has_room(m: Memory, column: int, size: int) -> bool:
    return bool(m.at[column] + size <= m.end[column])


@inlined
def copy(to: Bytes, q: int, source: Bytes, p: int, size: int) -> int:
    """Copies up to seven bytes more; where both are one array, ``q`` is before ``p`` or behind what is copied."""
    i = 0
    while i < size:
        store8(to, q + i, load8(source, p + i))
        i += 8
    return q + size


@inlined
def write_varint(out: Bytes, q: int, value: int) -> int:
    while value >= 128:
        out[q] = (value & 127) | 128
        q += 1
        value >>= 7
    out[q] = value
    return q + 1


@inlined
def put8(m: Memory, column: int, value: int) -> None:
    """The caller knows that there is room; so it is with the three below."""
    store8(m.out, m.at[column], value)
    m.at[column] += 8


@inlined
def put4(m: Memory, column: int, value: int) -> None:
    store4(m.out, m.at[column], value)
    m.at[column] += 4


@inlined
def put1(m: Memory, column: int, value: int) -> None:
    m.out[m.at[column]] = value
    m.at[column] += 1


@inlined
def put_id(m: Memory, column: int, p: int, width: int) -> None:
    """``width`` (8 or 16) bytes from ``p`` of the messages on; zeros if ``p`` is negative."""
    i = 0
    while i < width:
        put8(m, column, load8(m.source, p + i) if p >= 0 else 0)
        i += 8


@machine_code
def put_string(m: Memory, column: int, p: int, size: int) -> bool:
    """A String: its length as a varint and ``size`` bytes from ``p`` of the messages on."""
    if not has_room(m, column, size + 10):
        return full(m, column)
    q = write_varint(m.out, m.at[column], size)
    m.at[column] = copy(m.out, q, m.source, p, size)
    return True


@machine_code
def repeat(m: Memory, column: int, start: int, end: int) -> bool:
    """Append once more what stands from ``start`` to ``end``."""
    if not has_room(m, column, end - start):
        return full(m, column)
    m.at[column] = copy(m.out, m.at[column], m.out, start, end - start)
    return True
