"""A transaction as JSON, as lines of JSON, and as text: in pieces, because it may have 200,000 rows."""

import json
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import Final

import orjson

from weftline.query.cli.timeline_view import plain
from weftline.query.identifiers import Match
from weftline.query.routes.views import entry_fields, head
from weftline.query.timeline import Timeline
from weftline.query.timeline.kept import Kept

PIECE: Final = 64 * 1024
"""Bytes from which on a piece is sent."""


class Format(StrEnum):
    """How a transaction can be had."""

    JSON = "json"
    NDJSON = "ndjson"
    TEXT = "text"


MEDIA_TYPES: Final = {
    Format.JSON: "application/json",
    Format.NDJSON: "application/x-ndjson",
    Format.TEXT: "text/plain; charset=utf-8",
}


def wanted(asked: Format | None, accept: str) -> Format:
    """What was asked for: the parameter decides, else the header's first type that there is, else JSON."""
    if asked:
        return asked
    for one in accept.split(","):
        media_type = one.partition(";")[0].strip().lower()
        for known, name in MEDIA_TYPES.items():
            if media_type == name.partition(";")[0]:
                return known
    return Format.JSON


def as_json(match: Match, timeline: Timeline, kept: Kept) -> Iterator[bytes]:
    """One document: `TransactionView`."""
    beginning = head(match, timeline, truncated=kept.truncated).model_dump_json().encode()
    yield from _in_pieces(_document(beginning, timeline, kept))


def as_lines(match: Match, timeline: Timeline, kept: Kept) -> Iterator[bytes]:
    """A line with `HeadView` and the kind `transaction`, then a line an entry."""
    beginning = head(match, timeline, truncated=kept.truncated).model_dump_json().encode()
    yield from _in_pieces(_lines(beginning, timeline, kept))


def as_text(match: Match, timeline: Timeline, kept: Kept, width: int) -> Iterator[bytes]:
    """What `weftline tx` prints, without colours."""
    answer = json.loads(b"".join(as_json(match, timeline, kept)))
    yield plain(answer, width).encode("utf-8", "backslashreplace")


def _entries(timeline: Timeline, kept: Kept) -> Iterator[bytes]:
    for entry in timeline.entries:
        whole = kept.whole(entry.row)
        yield orjson.dumps(entry_fields(entry if whole is entry.row else replace(entry, row=whole)))


def _document(beginning: bytes, timeline: Timeline, kept: Kept) -> Iterator[bytes]:
    yield beginning[:-1] + b',"entries":['
    for at, entry in enumerate(_entries(timeline, kept)):
        yield b"," + entry if at else entry
    yield b"]}"


def _lines(beginning: bytes, timeline: Timeline, kept: Kept) -> Iterator[bytes]:
    yield b'{"kind":"transaction",' + beginning[1:] + b"\n"
    for entry in _entries(timeline, kept):
        yield entry + b"\n"


def _in_pieces(parts: Iterator[bytes]) -> Iterator[bytes]:
    piece = bytearray()
    for part in parts:
        piece += part
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
