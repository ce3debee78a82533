"""Compressed bodies, and such as only seem to be."""

import gzip
import os
import zlib

import pytest

from weftline.collector.edge.decompress import TooLarge, decompress, zstd
from weftline.collector.errors import BadMessage

PACK = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd.compress, "": bytes, "identity": bytes}


@pytest.mark.parametrize("encoding", PACK)
@pytest.mark.parametrize("body", [b"x" * 1000, b"", os.urandom(1000)], ids=["text", "empty", "random"])
def test_bodies_are_decompressed(encoding: str, body: bytes) -> None:
    assert decompress(PACK[encoding](body), encoding, 1000) == body


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("size", [1001, 50_000_000], ids=["too large", "bomb"])
def test_what_comes_out_is_bounded(encoding: str, size: int) -> None:
    with pytest.raises(TooLarge, match="larger than 1000 bytes"):
        decompress(PACK[encoding](b"x" * size), encoding, 1000)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda body: body[:-3], "ends too early"),
        (lambda body: b"", "ends too early"),
        (lambda body: body + b"more", "4 bytes follow the end"),
        (lambda _: b"hello, world", "is not "),
    ],
    ids=["cut", "empty", "trailing bytes", "something else"],
)
def test_bad_bodies_are_refused_with_a_reason(encoding: str, change, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        decompress(change(PACK[encoding](b"x" * 100)), encoding, 1000)


def test_an_unknown_encoding_names_those_there_are() -> None:
    with pytest.raises(BadMessage, match="'br' is not supported; gzip, deflate and zstd are"):
        decompress(b"hello", "br", 1000)


def test_a_zstd_frame_can_not_ask_for_gigabytes() -> None:
    """Window descriptor 0xA8: 2 GiB."""
    frame = b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00"
    with pytest.raises(BadMessage, match="is not zstd"):
        decompress(frame, "zstd", 1000)
