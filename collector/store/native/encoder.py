"""`SpanEncoder` of `store/protocol.py`: lends memory to walk and rows, and makes it larger when they want room."""

import threading
from collections.abc import Sequence
from typing import Final

import numpy as np

from weftline.collector.store.native.block import Block
from weftline.collector.store.native.columns import (
    COLUMNS,
    EVENT_FIXED,
    FIXED,
    LINK_FIXED,
    PLACE_FIXED,
    SLACK,
    WALKED,
    Column,
    Dictionary,
    Ended,
    Memory,
)
from weftline.collector.store.native.machine_code import COMPILED, Array
from weftline.collector.store.native.rows import put_rows, table_order
from weftline.collector.store.native.walk import walk

MAX_BYTES: Final = 1 << 29
"""Of the columns of one batch. A large resource of many small spans is repeated with each: it could be any size."""
MAX_TEXTS: Final = 1 << 19
"""Of one dictionary in one batch."""
_SAMPLE, _MORE = 50, 1.2
"""Behind which share (one in 50) the rest is estimated, and how much more room it gets than that."""
_KEPT_BYTES = 3 << 27
"""A larger memory is not kept for the next batch. What no batch has filled takes no memory, only addresses."""

_ONE_SPAN: Final = b"\n\x20\x12\x1e\x12\x1c\n\x10" + b"t" * 16 + b"\x12\x08" + b"s" * 8
"""resource_spans { scope_spans { spans { trace_id span_id } } }"""
_GROUPS: tuple[dict[Column, int], ...] = (FIXED, PLACE_FIXED, EVENT_FIXED, LINK_FIXED)


class SpanEncoder:
    """Safe to call from several threads: each has its own memory, which its next batch takes again."""

    def __init__(self) -> None:
        self._own = threading.local()

    def encode(self, messages: Sequence[bytes], tenant: str = "") -> Block | None:
        """The spans of ExportTraceServiceRequests; None: this is for ClickHouse to decode, or to refuse.

        The block holds until the same thread calls again.
        """
        lender: _Lender | None = getattr(self._own, "lender", None)
        if lender is None or lender.size > _KEPT_BYTES:
            lender = self._own.lender = _Lender()
        return lender.encode(messages, tenant)


def compiled_encoder() -> SpanEncoder:
    """One whose first batch needn't wait. Raises RuntimeError if it doesn't do what it should."""
    encoder = SpanEncoder()
    block = encoder.encode([_ONE_SPAN])
    if block is None or block.rows != 1:
        raise RuntimeError("The compiled code does not find the span that it is tried with.")
    COMPILED.touch()
    return encoder


class _Lender:
    """One thread's memory. Capacities only grow: batches are alike, so the walk seldom begins anew."""

    def __init__(self) -> None:
        self.size = 0
        self._capacity = np.zeros(COLUMNS, np.int64)
        self._starts = np.zeros(COLUMNS, np.int64)
        self._out: Array = np.empty(0, np.uint8)
        self._make_dictionaries(1 << 12)

    def encode(self, messages: Sequence[bytes], tenant: str) -> Block | None:
        source = bytearray().join((*messages, bytes(SLACK)))
        size = len(source) - SLACK
        self._expect(size)
        while True:
            if self.size > MAX_BYTES:
                return None
            memory = self._lend(np.frombuffer(source, np.uint8))
            spans = walk(memory, size, self._starts)
            if spans > 0:
                put_rows(memory, table_order(memory, self._starts), self._starts)
            match Ended(int(memory.ended[0])):
                case Ended.WELL:
                    return Block(memory, self._starts, spans, tenant) if spans else None
                case Ended.LEFT_TO_CLICKHOUSE:
                    return None
                case Ended.COLUMN_FULL:
                    self._grow(int(memory.ended[1]))
                    used = memory.at - self._starts
                    if spans > 0:
                        used[list(WALKED)] = 0  # is all there
                    self._extrapolate(used, int(memory.ended[2]), spans if spans > 0 else size)
                    self._allocate()
                case Ended.DICTIONARY_FULL:
                    if self._slots.shape[1] >= 2 * MAX_TEXTS:
                        return None
                    self._make_dictionaries(self._slots.shape[1] * 4)

    def _expect(self, size: int) -> None:
        """Capacities for messages of ``size`` bytes, from what spans usually hold."""
        before = self._capacity.copy()
        for group, rows in zip(_GROUPS, (size // 200, size // 200, size // 1000, size // 4000), strict=True):
            for column, width in group.items():
                self._at_least(column, (rows + 256) * width)
        for column in Column:
            if not any(column in group for group in _GROUPS):
                self._at_least(column, 1 << 14)
        for column in (Column.ATTRIBUTE_VALUES, Column.RESOURCE_VALUES):
            self._at_least(column, size + 4096)
        for column in (Column.ATTRIBUTE_KEYS, Column.RESOURCE_KEYS):
            self._at_least(column, size // 8)
        for dictionary in Dictionary:
            self._at_least(Column.DICTIONARIES + dictionary, 1 << 14)
        if (self._capacity != before).any():
            self._allocate()

    def _at_least(self, column: int, size: int) -> None:
        self._capacity[column] = max(self._capacity[column], size)

    def _grow(self, column: int) -> None:
        """The column that was too small; those that grow with it too."""
        group = next((set(map(int, group)) for group in _GROUPS if column in set(map(int, group))), {column})
        for it in group:
            self._capacity[it] *= 2

    def _extrapolate(self, used: Array, done: int, all_of_it: int) -> None:
        """All columns, from what ``done`` of ``all_of_it`` took of them: the others would be too small next."""
        if done <= all_of_it // _SAMPLE:
            return
        wanted = used * (_MORE * all_of_it / done)
        for group in _GROUPS:
            rows = max(wanted[column] / width for column, width in group.items())
            for column, width in group.items():
                self._at_least(column, int(rows + 1) * width)
        for number in range(Column.DICTIONARIES):
            self._at_least(number, int(wanted[number]))

    def _allocate(self) -> None:
        room = self._capacity + SLACK
        self._starts[1:] = np.cumsum(room)[:-1]
        self.size = int(room.sum())
        if self.size <= MAX_BYTES:
            self._out = np.empty(self.size, np.uint8)

    def _make_dictionaries(self, slots: int) -> None:
        shape = len(Dictionary), slots // 2
        self._slots = np.zeros((len(Dictionary), slots), np.int32)
        self._texts = np.zeros(shape, np.int64), np.zeros(shape, np.int32), np.zeros(shape, np.uint8)

    def _lend(self, source: Array) -> Memory:
        self._slots.fill(0)
        at = self._starts.copy()
        texts = at[Column.DICTIONARIES :]
        self._out[texts] = 0  # text 0: the empty one
        texts += 1
        counts = np.ones(len(Dictionary), np.int64)
        return Memory(
            source,
            self._out,
            at,
            self._starts + self._capacity,
            self._slots,
            *self._texts,
            counts,
            np.zeros(3, np.int64),
        )
