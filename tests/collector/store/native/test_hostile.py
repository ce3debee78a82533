"""Whatever the bytes are: an answer, and not a byte written beside its stretch."""

from random import Random
from types import ModuleType

import pytest

from support.otlp import span, spans_request
from support.otlp_random import mutated, request
from weftline.collector.store.protocol import SpanEncoder

TX = "0af7651916cd43dd8448eb211c80319c"
SLACK = 64
COPY_MAY_WRITE = 8


def spaces_stay_untouched(encoder: SpanEncoder, messages: list[bytes]) -> bool:
    """Encodes twice, the second time with marks behind every stretch; whether there was a block."""
    before = encoder.encode(messages)
    lender = encoder._own.lender
    lender._out[:] = 0xA5
    block = encoder.encode(messages)
    assert (block is None) == (before is None)
    for start, capacity in zip(lender._starts, lender._capacity, strict=True):
        assert (lender._out[start + capacity + COPY_MAY_WRITE : start + capacity + SLACK] == 0xA5).all()
    return block is not None


def test_every_truncation_is_left_to_clickhouse(encoder: SpanEncoder) -> None:
    chance = Random(3)
    message = b"".join([it for it in (request(chance) for _ in range(30)) if encoder.encode([it])][:4])
    whole = [size for size in range(1, len(message) + 1) if encoder.encode([message[:size]])]
    # A message may end after any of its ResourceSpans.
    ends, at = [], 0
    while at < len(message):
        size, shift, at = 0, 0, at + 1
        while True:
            byte, at = message[at], at + 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        at += size
        ends.append(at)
    assert set(whole) <= set(ends)
    assert len(message) in whole


@pytest.mark.parametrize(
    "size", [b"\x7f", b"\xff\x7f", b"\xff\xff\xff\xff\x07", b"\xff" * 9 + b"\x01", b"\xff" * 10, b"\x80\x80"]
)
@pytest.mark.parametrize(
    "path",
    [
        b"\n",
        b"\n\x40\x12",
        b"\n\x40\x12\x30\x12",
        b"\n\x40\n\x30\n",
        b"\n\x40\n\x30\n\x20\x12",
        b"\n\x40\n\x30\n\x20\x12\x10\x2a",
    ],
)
def test_lengths_beyond_the_end_are_left_to_clickhouse(encoder: SpanEncoder, path: bytes, size: bytes) -> None:
    message = path + size
    assert encoder.encode([message]) is None
    assert encoder.encode([message + bytes(64)]) is None
    assert encoder.encode([spans_request(span(TX, "b" * 16)), message]) is None


def test_nothing_is_written_beside_a_stretch(encoder: SpanEncoder) -> None:
    chance = Random(7)
    blocks = 0
    for _ in range(40):
        message = request(chance)
        blocks += spaces_stay_untouched(encoder, [message])
        spaces_stay_untouched(encoder, [mutated(chance, message)])
    assert blocks > 15


def test_columns_grow_to_what_they_hold(module: ModuleType) -> None:
    """Of a fresh encoder, whose first guess is too small for nearly all of this."""
    chance = Random(11)
    fresh = module.SpanEncoder()
    assert module.SLACK == SLACK
    for size in (100, 127, 128, 5_000, 20_000, 100_000):
        messages = [
            spans_request(
                span(
                    TX,
                    "b" * 16,
                    name="n" * size,
                    trace_state="s" * size,
                    attributes={"t": "x" * size, "j": ["\x01" * size]},
                ),
                **{f"k{n}": "v" * chance.randrange(size) for n in range(30)},
            )
        ]
        assert spaces_stay_untouched(fresh, messages)


def test_a_resource_repeated_beyond_all_measure_is_left_to_clickhouse(module: ModuleType) -> None:
    spans = [span(TX, f"{n:016x}") for n in range(1, 10_001)]
    assert module.SpanEncoder().encode([spans_request(*spans, large="x" * 200_000)]) is None


def test_more_texts_than_a_dictionary_takes_are_left_to_clickhouse(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TEXTS", 8_192)
    few, many = (
        spans_request(span(TX, "b" * 16, attributes={f"k{n}": n for n in range(count)})) for count in (8_000, 20_000)
    )
    assert module.SpanEncoder().encode([few])
    assert module.SpanEncoder().encode([many]) is None


def test_a_block_stays_until_its_thread_encodes_again(encoder: SpanEncoder) -> None:
    messages = [request(Random(seed)) for seed in range(20)]
    taken = [it for it in messages if encoder.encode([it])]
    assert taken
    for it in taken:
        block = encoder.encode([it])
        assert block is not None
        sent = b"".join(bytes(piece) for piece in block.pieces())
        encoder.encode(messages[:3])
        again = encoder.encode([it])
        assert again is not None
        assert b"".join(bytes(piece) for piece in again.pieces()) == sent


@pytest.mark.parametrize("nothing", [[], [b""], [b"", b""], [spans_request()]])
def test_no_span_is_no_block(encoder: SpanEncoder, nothing: list[bytes]) -> None:
    assert encoder.encode(nothing) is None


def test_arrays_of_any_size_have_room(encoder: SpanEncoder) -> None:
    """The bound of six bytes for one: what becomes longest."""
    for content in (
        [None] * 5_000,
        [""] * 5_000,
        ["\x01" * 5_000],
        [-1.2345678901234567e-300] * 999,
        [-(2**63)] * 999,
        {"": None},
    ):
        spaces_stay_untouched(
            encoder, [spans_request(span(TX, "b" * 16, attributes={"a": content, "url.full": content}))]
        )
    for url in ("sid=&" * 3_000, "?sid=" * 3_000, "://u@" * 3_000, "sid=", "://u@"):
        assert spaces_stay_untouched(encoder, [spans_request(span(TX, "b" * 16, attributes={"url.full": url}))])
