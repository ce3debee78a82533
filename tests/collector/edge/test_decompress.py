"""Compressed bodies, and such as only seem to be."""

import gzip
import zlib

import pytest

from weftline.collector.edge.decompress import decompress
from weftline.collector.errors import BadMessage


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "", "identity"])
def test_bodies_are_decompressed(encoding: str) -> None:
    pack = {"gzip": gzip.compress, "deflate": zlib.compress}.get(encoding, bytes)
    assert decompress(pack(b"x" * 1000), encoding, 1000) == b"x" * 1000


@pytest.mark.parametrize(
    ("body", "encoding", "says"),
    [
        (gzip.compress(b"x" * 1001), "gzip", "larger than 1000 bytes"),
        (gzip.compress(b"x" * 50_000_000), "gzip", "larger than 1000 bytes"),
        (gzip.compress(b"x" * 100)[:-9], "gzip", "ends too early"),
        (b"hello", "gzip", "is not gzip"),
        (b"hello", "br", "'br' is not supported"),
    ],
    ids=["too large", "bomb", "cut", "not gzip", "unknown"],
)
def test_bad_encodings_are_refused_with_a_reason(body: bytes, encoding: str, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        decompress(body, encoding, 1000)
