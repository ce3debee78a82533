"""Rows of the store → a file of OTLP, day by day and table by table, so that one that broke off is gone on with.

Memory is that of one block of rows. A note beside the file says which days are in it and how long it was then.
"""

import contextlib
import gzip
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

from weftline.collector.errors import Misconfigured
from weftline.collector.store.exporter import TABLES, Exporter, Selection
from weftline.collector.store.not_utf8 import text
from weftline.collector.transfer.otlp_rows import REQUESTS, Tree, framed_protobuf, json_line

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SUFFIX: Final = ".weftline-export.json"
ROWS: Final = 1000
"""Of a request at the most."""
ENCODERS: Final[Mapping[str, Callable[[Tree], bytes]]] = {"json": json_line, "protobuf": framed_protobuf}


@dataclass(frozen=True, slots=True)
class Piece:
    """What is written between two notes."""

    table: str
    day: str
    rows: int


@dataclass(frozen=True, slots=True)
class Note:
    """How far an export came. ``asked`` is what was asked for in words, ``selection`` what it meant then."""

    asked: Mapping[str, Any]
    selection: Selection
    done: tuple[tuple[str, str], ...] = ()
    """tables and days"""
    size: int = 0


class OutputFile:
    """Where an export goes, and its note. Compression is told by the name: `.gz`, `.zst`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._note = path.with_name(path.name + SUFFIX)

    def begin(self, asked: Mapping[str, Any], selection: Selection, *, overwrite: bool) -> Note:
        """What is there of the same export, else an empty file. Raises `Misconfigured` if another is there."""
        if not self._path.absolute().parent.is_dir():
            raise Misconfigured(f"There is no folder {self._path.absolute().parent}.")
        note = self._load()
        if note is not None and note.asked == asked and self._path.is_file() and not overwrite:
            with self._path.open("r+b") as file:
                file.truncate(note.size)
            return note
        if self._path.exists() and not overwrite:
            begun = " It is another export that was broken off." if note else ""
            raise Misconfigured(f"{self._path} is there already.{begun} Choose another name, or say --overwrite.")
        try:
            self._path.write_bytes(b"")
        except OSError as error:
            raise Misconfigured(f"{self._path} can't be written: {error.strerror}.") from None
        return self._save(Note(dict(asked), selection))

    @contextlib.contextmanager
    def piece(self) -> Iterator[IO[bytes]]:
        with self._path.open("ab") as file, _compressed(file, self._path.suffix) as out:
            yield out

    def finished(self, note: Note, piece: Piece) -> Note:
        return self._save(
            Note(note.asked, note.selection, (*note.done, (piece.table, piece.day)), self._path.stat().st_size)
        )

    def end(self) -> None:
        self._note.unlink(missing_ok=True)

    def _load(self) -> Note | None:
        try:
            it = json.loads(self._note.read_text())
            chosen = it["selection"]
            selection = Selection(chosen["since"], chosen["until"], tuple(chosen["ids"]), tuple(chosen["services"]))
            return Note(it["asked"], selection, tuple((table, day) for table, day in it["done"]), it["size"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _save(self, note: Note) -> Note:
        part = self._note.with_name(self._note.name + ".part")
        part.write_text(json.dumps(asdict(note)))
        part.replace(self._note)
        return note


def pieces(exporter: Exporter, selection: Selection) -> list[Piece]:
    return [Piece(table, day, rows) for table in TABLES for day, rows in exporter.days(table, selection)]


def write_piece(
    exporter: Exporter, selection: Selection, piece: Piece, encode: Callable[[Tree], bytes], out: IO[bytes]
) -> Iterator[int]:
    """Yields how many rows were written, request by request."""
    rows = exporter.rows(piece.table, piece.day, selection)
    written = 0
    while some := list(itertools.islice(rows, ROWS)):
        try:
            request = encode(REQUESTS[piece.table](some))
        except (TypeError, ValueError):  # looking into every text beforehand costs more than all the rest
            request = encode(REQUESTS[piece.table]([text(row) for row in some]))
        out.write(request)
        written += len(some)
        yield written


@contextlib.contextmanager
def _compressed(file: BinaryIO | io.BufferedIOBase, suffix: str) -> Iterator[IO[bytes]]:
    """Each piece is a member (gzip) or a frame (zstd) of its own: several are one file all the same."""
    match suffix:
        case ".gz":
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6) as out:
                yield out  # type: ignore[misc] # all that is written to it is bytes
        case ".zst" | ".zstd":
            with zstd.ZstdFile(file, mode="wb") as out:
                yield out  # type: ignore[misc] # all that is written to it is bytes
        case _:
            yield file  # type: ignore[misc] # all that is written to it is bytes
