"""Follows log files: whole lines in order, from where reading stopped, through rotation, nothing left out.

    rename and create   the old file is read to its end before the new one is begun
    copy and truncate   the rest is read from the copy, then the file from its beginning
    while we were away  the file is looked for by inode and beginning among its neighbours (`access.log.1`, …)

Compressed neighbours are not read: rotation must leave the newest one as it is (logrotate's `delaycompress`).
"""

import glob
import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from weftline.collector.tail.positions import HEAD_BYTES, Position

logger = logging.getLogger(__name__)

MAX_LINE_BYTES = 1 << 20
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz")


@dataclass(frozen=True, slots=True)
class Line:
    """``number`` counts from 1 in ``path``; ``text`` without its newline; not ``whole``: cut at `MAX_LINE_BYTES`."""

    path: str
    number: int
    text: bytes
    whole: bool = True


class Followed:
    """One open file. It stays open when it is renamed or removed, until it is read to its end."""

    def __init__(self, path: str, position: Position | None = None, *, name: str = "") -> None:
        """``name``: the path it is followed as, where it was rotated to another."""
        self.path = path
        self._name = name or path
        self._file: BinaryIO = Path(path).open("rb")  # noqa: SIM115 - held for as long as it is followed
        stat = os.fstat(self._file.fileno())
        self.device, self.inode = stat.st_dev, stat.st_ino
        self._offset = position.offset if position else 0
        self._line = position.line if position else 1
        self._rest = b""
        self._skipping = False
        self._head, self._head_bytes = self._beginning(HEAD_BYTES)

    @property
    def position(self) -> Position:
        return Position(self._name, self.device, self.inode, self._offset, self._line, self._head, self._head_bytes)

    @property
    def size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def lines(self, limit: int, *, to_the_end: bool = False) -> list[Line]:
        """At most about ``limit`` bytes of whole lines; ``to_the_end``: also a last one that has no newline."""
        if self._head_bytes < HEAD_BYTES:
            self._head, self._head_bytes = self._beginning(HEAD_BYTES)
        self._file.seek(self._offset + len(self._rest))
        data = self._rest + self._file.read(limit)
        out = []
        begin = 0
        while (end := data.find(b"\n", begin)) >= 0:
            out += self._line_of(data[begin:end], end + 1 - begin)
            begin = end + 1
        self._rest = data[begin:]
        if len(self._rest) > MAX_LINE_BYTES:
            if not self._skipping:
                out.append(Line(self.path, self._line, self._rest[:MAX_LINE_BYTES], whole=False))
            self._skipping = True
            self._offset += len(self._rest)
            self._rest = b""
        elif to_the_end and self._rest and self._offset + len(self._rest) >= self.size:
            out += self._line_of(self._rest, len(self._rest))
            self._rest = b""
        return out

    def truncated(self) -> bool:
        """Whether this is no longer the file whose lines were read: it is shorter, or begins with something else."""
        if self.size < self._offset + len(self._rest):
            return True
        return self._head_bytes > 0 and self._beginning(self._head_bytes)[0] != self._head

    def close(self) -> None:
        self._file.close()

    def _line_of(self, text: bytes, size: int) -> list[Line]:
        skipped, self._skipping = self._skipping, False
        out = [] if skipped or not text.strip() else [Line(self.path, self._line, text.removesuffix(b"\r"))]
        self._line += 1
        self._offset += size
        return out

    def _beginning(self, size: int) -> tuple[str, int]:
        head = os.pread(self._file.fileno(), size, 0)
        return hashlib.sha256(head).hexdigest(), len(head)


class Follower:
    """All files that match ``patterns``, each from its position, or from its beginning (``skip_old``: its end).

    Files that appear later are followed from their beginning. Used from one thread.
    """

    def __init__(self, patterns: Iterable[str], positions: Iterable[Position], *, skip_old: bool = False) -> None:
        self._patterns = list(patterns)
        self._known = {position.path: position for position in positions}
        self._files: dict[str, list[Followed]] = {}
        """by path, the oldest first: those before the last are rotated away and read to their end"""
        self._finished: dict[int, Position] = {}
        """by inode: rotated files that are read to their ends, which a pattern may match too"""
        self._unreadable: set[str] = set()
        self._skip_old = skip_old
        self._discover()
        self._skip_old = False

    def positions(self) -> list[Position]:
        """Where to go on, a position a path: of its oldest file that is not read to its end.

        Files rotated in between are found by their times again.
        """
        return [*self._known.values(), *(files[0].position for files in self._files.values())]

    def read(self, limit: int) -> Iterator[Line]:
        """What is there now, about ``limit`` bytes of each file at the most."""
        self._discover()
        for path, files in self._files.items():
            if len(files) == 1:
                yield from self._current(path, files, limit)
                continue
            # Its writer may hold the old file for a while, also when the new one is there: until it writes there.
            over = files[1].size > 0
            lines = files[0].lines(limit, to_the_end=over)
            yield from lines
            if over and not lines:
                self._finished[files[0].inode] = files[0].position
                files.pop(0).close()

    def close(self) -> None:
        for files in self._files.values():
            for file in files:
                file.close()

    def _current(self, path: str, files: list[Followed], limit: int) -> Iterator[Line]:
        file = files[0]
        if file.truncated():
            logger.info("A file was truncated and is read from its beginning path=%s.", path)
            files[:] = [*self._rotated(file.position, other_than={file.inode}), Followed(path)]
            file.close()
            return
        yield from file.lines(limit)
        try:
            stat = os.stat(path)  # noqa: PTH116 - Path.stat is the same and slower
        except FileNotFoundError:
            return  # renamed, and its successor isn't there yet
        if (stat.st_dev, stat.st_ino) != (file.device, file.inode):
            logger.info("A file was rotated path=%s.", path)
            files.append(Followed(path))

    def _discover(self) -> None:
        for pattern in self._patterns:
            for path in sorted(glob.glob(pattern)):  # noqa: PTH207 - patterns may be absolute
                if path in self._files or path.endswith(_COMPRESSED):
                    continue
                try:
                    if self._is_rotated(path):
                        continue
                    self._files[path] = self._open(path)
                    self._unreadable.discard(path)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    if path not in self._unreadable:
                        logger.warning("A file can't be read path=%s: %s", path, error)
                    self._unreadable.add(path)

    def _is_rotated(self, path: str) -> bool:
        """Whether it is one that is followed already, or was, under another name."""
        inode = os.stat(path).st_ino  # noqa: PTH116
        finished = self._finished.get(inode)
        if finished is not None and _head(path, finished.head_bytes) == finished.head:
            return True
        return any(file.inode == inode for files in self._files.values() for file in files)

    def _open(self, path: str) -> list[Followed]:
        """The files behind a path, the oldest first, from where reading stopped."""
        known = self._known.pop(path, None)
        current = Followed(path)
        if known is None:
            if self._skip_old:
                position = current.position
                current.close()
                current = Followed(path, _at_its_end(position, current_size=os.stat(path).st_size))  # noqa: PTH116
            return [current]
        if _is(current, known):
            current.close()
            return [Followed(path, known)]
        rotated = self._rotated(known, other_than={current.inode})
        if not rotated:
            logger.error(
                "A file was rotated away before it was read to its end: lines after its line=%d path=%s are lost.",
                known.line - 1, path,
            )  # fmt: skip
        return [*rotated, current]

    def _rotated(self, known: Position, *, other_than: set[int]) -> list[Followed]:
        """What ``known`` was rotated to, from its offset, and what was rotated after it; the oldest first."""
        neighbours = []
        for path in glob.glob(glob.escape(known.path) + "?*"):  # noqa: PTH207
            if path[len(known.path)] not in ".-_" or path.endswith(_COMPRESSED) or not os.path.isfile(path):  # noqa: PTH113
                continue
            file = Followed(path, name=known.path)
            if file.inode in other_than or file.size == 0:
                file.close()
            else:
                neighbours.append((os.stat(path).st_mtime_ns, file))  # noqa: PTH116
        neighbours.sort(key=lambda it: it[0])
        found = next((index for index, (_, file) in enumerate(neighbours) if _is(file, known)), None)
        for _, file in neighbours[:found]:
            file.close()
        if found is None:
            return []
        first, *later = (file for _, file in neighbours[found:])
        path = first.path
        first.close()
        return [Followed(path, known, name=known.path), *later]


def _is(file: Followed, known: Position) -> bool:
    """Whether a file is the one of a position: the same beginning, and no shorter."""
    return file.size >= known.offset and _head(file.path, known.head_bytes) == known.head


def _head(path: str, size: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.sha256(file.read(size)).hexdigest()


def _at_its_end(position: Position, *, current_size: int) -> Position:
    with Path(position.path).open("rb") as file:
        data = file.read(current_size)
    return Position(
        position.path, position.device, position.inode, data.rfind(b"\n") + 1, data.count(b"\n") + 1, position.head,
        position.head_bytes,
    )  # fmt: skip
