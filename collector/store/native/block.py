"""A batch's columns as one block of ClickHouse's Native format, in pieces that are sent one after the other.

Native (clickhouse.com/docs/interfaces/formats/Native; client revision 0): how many columns and rows, then of each
column its name, its type and its rows. A Map is where each row ends, all keys, all values; an Array where each row ends
and all items. LowCardinality begins with a version (before the ends around it), then numbers' width, texts, numbers.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from weftline.collector.store.native.columns import Column, Dictionary, Memory
from weftline.collector.store.native.machine_code import Array
from weftline.collector.varint import varint

_VERSION = struct.pack("<Q", 1)
_TEXTS_FOLLOW = 1 << 9 | 1 << 10  # and there is no dictionary from before
_TEXT = "LowCardinality(String)"
_MAP = f"Map({_TEXT}, String)"
_TIME = "DateTime64(9, 'UTC')"
_KIND = "Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5)"
_STATUS = "Enum8('unset' = 0, 'ok' = 1, 'error' = 2)"
_TYPES = f"Map({_TEXT}, Enum8('int' = 1, 'double' = 2, 'bool' = 3))"

Piece = memoryview | bytes


@dataclass(frozen=True, slots=True)
class Block:
    """The pieces are views of ``memory``: they are to be sent before it is lent to the next batch."""

    memory: Memory
    starts: Array
    rows: int
    tenant: str

    def pieces(self) -> Iterator[Piece]:
        columns = _columns(self)
        yield varint(len(columns)) + varint(self.rows)
        for name, kind, content in columns:
            yield _text(name) + _text(kind)
            yield from content()

    def plain(self, *columns: Column) -> Iterator[Piece]:
        for column in columns:
            yield self._stretch(column).data

    def everywhere(self, text: str) -> Iterator[Piece]:
        """LowCardinality of one text."""
        texts = ["", text] if text else [""]
        yield _VERSION + struct.pack("<QQ", _TEXTS_FOLLOW, len(texts)) + b"".join(map(_text, texts))
        yield struct.pack("<Q", self.rows) + bytes([len(texts) - 1]) * self.rows

    def numbered(self, dictionary: Dictionary, column: Column, *ends: Column) -> Iterator[Piece]:
        """LowCardinality, the items of Arrays if ``ends`` are given."""
        yield _VERSION
        yield from self.plain(*ends)
        yield from self._numbers(dictionary, column)

    def pairs(self, dictionary: Dictionary, keys: Column, values: Column, *ends: Column) -> Iterator[Piece]:
        yield from self.numbered(dictionary, keys, *ends)
        yield from self.plain(values)

    def _stretch(self, column: int) -> Array:
        return self.memory.out[self.starts[column] : self.memory.at[column]]

    def _numbers(self, dictionary: Dictionary, column: Column) -> Iterator[Piece]:
        numbers = self._stretch(column).view(np.int32)
        if not len(numbers):
            return
        texts = int(self.memory.counts[dictionary])
        width = 0 if texts <= 1 << 8 else 1 if texts <= 1 << 16 else 2
        yield struct.pack("<QQ", width | _TEXTS_FOLLOW, texts)
        yield self._stretch(Column.DICTIONARIES + dictionary).data
        yield struct.pack("<Q", len(numbers))
        yield numbers.astype((np.uint8, np.uint16, np.uint32)[width]).view(np.uint8).data


def _text(it: str) -> bytes:
    return varint(len(it)) + it.encode()


def _columns(block: Block) -> list[tuple[str, str, Callable[[], Iterator[Piece]]]]:
    """(name, type, rows) of every column of the table `spans`."""
    plain, numbered, pairs = block.plain, block.numbered, block.pairs
    c, d = Column, Dictionary
    return [
        ("tenant", _TEXT, lambda: block.everywhere(block.tenant)),
        ("transaction_id", "FixedString(16)", lambda: plain(c.TRANSACTION_ID)),
        ("time", _TIME, lambda: plain(c.TIME)),
        ("duration", "UInt64", lambda: plain(c.DURATION)),
        ("span_id", "FixedString(8)", lambda: plain(c.SPAN_ID)),
        ("parent_span_id", "FixedString(8)", lambda: plain(c.PARENT_SPAN_ID)),
        ("trace_state", "String", lambda: plain(c.TRACE_STATE)),
        ("flags", "UInt32", lambda: plain(c.FLAGS)),
        ("service", _TEXT, lambda: numbered(d.SERVICE, c.SERVICE)),
        ("name", _TEXT, lambda: numbered(d.NAME, c.NAME)),
        ("kind", _KIND, lambda: plain(c.KIND)),
        ("status", _STATUS, lambda: plain(c.STATUS)),
        ("status_message", "String", lambda: plain(c.STATUS_MESSAGE)),
        ("scope_name", _TEXT, lambda: numbered(d.SCOPE_NAME, c.SCOPE_NAME)),
        ("scope_version", _TEXT, lambda: numbered(d.SCOPE_VERSION, c.SCOPE_VERSION)),
        ("scope_attributes", _MAP, lambda: pairs(d.SCOPE_KEYS, c.SCOPE_KEYS, c.SCOPE_VALUES, c.SCOPE_ENDS)),
        ("resource", _MAP, lambda: pairs(d.RESOURCE_KEYS, c.RESOURCE_KEYS, c.RESOURCE_VALUES, c.RESOURCE_ENDS)),
        ("attributes", _MAP, lambda: pairs(d.ATTRIBUTE_KEYS, c.ATTRIBUTE_KEYS, c.ATTRIBUTE_VALUES, c.ATTRIBUTE_ENDS)),
        ("attribute_types", _TYPES, lambda: pairs(d.ATTRIBUTE_KEYS, c.TYPE_KEYS, c.TYPES, c.TYPE_ENDS)),
        ("events.time", f"Array({_TIME})", lambda: plain(c.EVENT_ENDS, c.EVENT_TIME)),
        ("events.name", f"Array({_TEXT})", lambda: numbered(d.EVENT_NAME, c.EVENT_NAME, c.EVENT_ENDS)),
        (
            "events.attributes",
            f"Array({_MAP})",
            lambda: pairs(d.EVENT_KEYS, c.EVENT_KEYS, c.EVENT_VALUES, c.EVENT_ENDS, c.EVENT_ATTRIBUTE_ENDS),
        ),
        ("links.trace_id", "Array(FixedString(16))", lambda: plain(c.LINK_ENDS, c.LINK_TRACE_ID)),
        ("links.span_id", "Array(FixedString(8))", lambda: plain(c.LINK_ENDS, c.LINK_SPAN_ID)),
        (
            "links.attributes",
            f"Array({_MAP})",
            lambda: pairs(d.LINK_KEYS, c.LINK_KEYS, c.LINK_VALUES, c.LINK_ENDS, c.LINK_ATTRIBUTE_ENDS),
        ),
    ]
