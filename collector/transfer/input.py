"""A file or standard input as bytes, decompressed: the first step of an import.

What it is compressed with (gzip, zstd) is read from its first bytes, not from its name.
"""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from weftline.collector.errors import BadMessage, Misconfigured

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STDIN: Final = "-"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
GZIP_MAGIC: Final = b"\x1f\x8b"
_BUFFER: Final = 1 << 20


class _Counted(io.RawIOBase):
    """Counts what was read of a file as it lies on the disk."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # the stub's Buffer is wider
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


class _Decompressed(io.RawIOBase):
    """Gives what there is before it raises what comes next: of a file that is cut off nothing is lost."""

    def __init__(self, file: gzip.GzipFile | zstd.ZstdFile) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # the stub's Buffer is wider
        data = self._file.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@dataclass(slots=True)
class Input:
    """``stream`` gives the decompressed bytes; reading it may raise what `unreadable` turns into a sentence."""

    name: str
    size: int | None
    """Bytes on the disk; None where that is not known."""
    stream: io.BufferedReader
    _counted: _Counted

    @property
    def position(self) -> int:
        """Bytes on the disk that were read so far."""
        return self._counted.count


READ_ERRORS: Final = (EOFError, OSError, zlib.error, zstd.ZstdError)
"""What reading a compressed file that is broken or cut off raises."""


def unreadable(error: Exception) -> BadMessage:
    return BadMessage(f"can't be read any further: {error}. What came before it is taken.")


@contextmanager
def open_input(path: str) -> Iterator[Input]:
    """``-`` is standard input. Raises `Misconfigured` when there is no such file or it can't be read."""
    if path == STDIN:
        yield _input("stdin", None, sys.stdin.buffer)
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed below; the error of opening is the operator's
    except OSError as error:
        raise Misconfigured(f"{path} can't be read: {error.strerror}.") from None
    with file:
        yield _input(path, Path(path).stat().st_size, file)


def _input(name: str, size: int | None, file: BinaryIO) -> Input:
    counted = _Counted(file)
    plain = io.BufferedReader(counted, _BUFFER)
    try:
        head = plain.peek(4)[:4]
    except OSError as error:
        raise Misconfigured(f"{name} can't be read: {error.strerror}.") from None
    return Input(name, size, decompressed(plain, head), counted)


def decompressed(stream: "io.BufferedReader[Any]", head: bytes) -> io.BufferedReader:
    """``stream``, whose first bytes are ``head``, without its compression; several members or frames are one."""
    if head.startswith(GZIP_MAGIC):
        return io.BufferedReader(_Decompressed(gzip.GzipFile(fileobj=stream)), _BUFFER)
    if head.startswith(ZSTD_MAGIC):
        return io.BufferedReader(_Decompressed(zstd.ZstdFile(stream)), _BUFFER)
    return stream
