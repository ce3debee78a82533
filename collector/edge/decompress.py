"""Content-Encoding of request bodies, with a limit on what comes out: a small body can hold a huge one."""

import zlib

from weftline.collector.errors import BadMessage

_WINDOW_BITS = {"gzip": 31, "deflate": 15}


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The decoded body; raises `BadMessage` if it isn't that encoding, isn't whole, or exceeds ``limit`` bytes."""
    if encoding in ("", "identity"):
        return body
    if encoding not in _WINDOW_BITS:
        raise BadMessage(f"Content-Encoding {encoding!r} is not supported; gzip and deflate are.")
    decoder = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        out = decoder.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadMessage(f"The body is not {encoding}: {error}.") from None
    if len(out) > limit:
        raise BadMessage(f"The body is larger than {limit} bytes after decompression.")
    if not decoder.eof:
        raise BadMessage(f"The {encoding} body ends too early.")
    return out
