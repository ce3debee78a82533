"""Content-Encoding of request bodies, with a limit on what comes out: a small body can hold a huge one."""

import sys
import zlib
from collections.abc import Callable
from typing import Protocol

from weftline.collector.errors import BadMessage

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class _Decoder(Protocol):
    """What zlib's and zstd's incremental decoders have in common; the second argument bounds what comes out."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _zstd() -> _Decoder:
    # A frame says how large a window its decoder must hold; RFC 8878 asks for 8 MiB, a hostile one for gigabytes.
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 24})


_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "deflate": lambda: zlib.decompressobj(15),
    "zstd": _zstd,
}


class TooLarge(BadMessage):
    """The body, or what it holds once decompressed, exceeds the limit."""


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The decoded body; raises `BadMessage` if it isn't that encoding and nothing else, or isn't whole.

    Raises `TooLarge` once more than ``limit`` bytes come out; no more than that is ever held.
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in _DECODERS:
        raise BadMessage(f"Content-Encoding {encoding!r} is not supported; gzip, deflate and zstd are.")
    decoder = _DECODERS[encoding]()
    try:
        out = decoder.decompress(body, limit + 1)
    except (zlib.error, zstd.ZstdError) as error:
        raise BadMessage(f"The body is not {encoding}: {error}.") from None
    if len(out) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes after decompression.")
    if not decoder.eof:
        raise BadMessage(f"The {encoding} body ends too early.")
    if decoder.unused_data:
        raise BadMessage(f"{len(decoder.unused_data)} bytes follow the end of the {encoding} body.")
    return out
