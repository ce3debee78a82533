"""A stream's messages, taken apart and framed so that each says who sent it."""

import pytest

from support import als
from weftline.collector.edge.envoy_als_message import frame, identifier
from weftline.collector.errors import BadMessage

ENTRY = als.http_entry(als.common(stream_id="s"))


def test_the_identifier_is_kept_without_what_is_large_in_it() -> None:
    """Fields 3 (metadata), 9 and 11 (extensions) of the node are 65 kB in a real proxy."""
    locality = als.field(4, als.field(2, "zone-a"))
    large = als.field(3, b"m" * 1000) + als.field(9, b"x" * 70_000)
    said = als.identifier("cart-1", "cart", "als", extra=locality + large)
    assert identifier(als.http_message(ENTRY, who=said)) == als.field(1, als.identifier(extra=locality))


def test_every_message_is_framed_with_it() -> None:
    who = identifier(als.http_message(ENTRY, who=als.identifier()))
    first = frame(who, als.http_message(ENTRY, who=als.identifier()))
    assert first == (als.framed(als.http_message(ENTRY, who=als.identifier())), 1)
    later = frame(who, als.http_message(ENTRY, ENTRY, ENTRY))
    assert later == (als.framed(als.http_message(ENTRY, ENTRY, ENTRY, who=als.identifier())), 3)
    tcp = als.tcp_entry(als.common(stream_id="t", log_type=3), 1, 2)
    assert frame(who, als.tcp_message(tcp)) == (als.framed(als.tcp_message(tcp, who=als.identifier())), 1)


def test_a_message_without_an_identifier_or_entries_is_harmless() -> None:
    assert identifier(als.http_message(ENTRY)) == b""
    assert frame(b"", b"")[1] == 0


@pytest.mark.parametrize(
    "bad", [b"\xff\xff", b"\x0a", b"\x12\x05abc", b"\x08\x01", b"\x12\xff\xff\xff"], ids=["tag", "no length", "cut", "varint", "no end"]
)  # fmt: skip
def test_rubbish_is_refused(bad: bytes) -> None:
    with pytest.raises(BadMessage):
        frame(b"", bad)
