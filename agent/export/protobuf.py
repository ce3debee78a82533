"""Protobuf's wire format, as far as OTLP's attributes need it: varints, lengths, `KeyValue` and `AnyValue`.

Written by hand because building protobuf objects costs six times as much, with the GIL held.
"""

import struct
from collections.abc import Mapping
from typing import Any, Final

_INT64: Final = range(-(1 << 63), 1 << 63)
_UINT64: Final = 1 << 64
_CACHED_LENGTH: Final = 256
"""Characters: user agents and the texts of most statements fit."""
_CACHED_PAIRS: Final = 2048
_MORE: Final = "…"

_keys: dict[str, bytes] = {}
_pairs: dict[tuple[str, Any], bytes] = {}


def _encode_varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


_SMALL: Final = (
    *(bytes((number,)) for number in range(128)),
    *(bytes((number & 127 | 128, number >> 7)) for number in range(128, 2048)),
)


def varint(number: int) -> bytes:
    """An unsigned varint."""
    return _SMALL[number] if number < len(_SMALL) else _encode_varint(number)


def field(tag: bytes, body: bytes) -> bytes:
    """A length-delimited field; `tag` is its number and wire type 2, encoded."""
    return tag + varint(len(body)) + body


def text(value: str) -> bytes:
    """UTF-8 that protobuf accepts: lone surrogates become question marks."""
    return value.encode("utf-8", "replace")


def clip(value: str, limit: int) -> str:
    """At most `limit` characters."""
    return value if len(value) <= limit else value[: limit - 1] + _MORE


def clip_front(value: str, limit: int) -> str:
    """At most `limit` characters, the last ones: a stack trace ends with what happened."""
    return value if len(value) <= limit else _MORE + value[len(value) - limit + 1 :]


def any_value(value: Any, limit: int) -> bytes:
    """An `AnyValue`'s fields. What no field fits (a number beyond 64 bits, an unknown type) goes as a string."""
    kind = type(value)
    if kind is bool:
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int) and value in _INT64:
        return b"\x18" + varint(value if value >= 0 else value + _UINT64)
    if isinstance(value, float):
        return b"\x21" + struct.pack("<d", value)
    if isinstance(value, bytes):
        return field(b"\x3a", value[:limit])
    if isinstance(value, (tuple, list)):
        return field(b"\x2a", b"".join(field(b"\x0a", any_value(item, limit)) for item in value))
    return field(b"\x0a", text(clip(value if isinstance(value, str) else str(value), limit)))


def key_value(key: str, value: Any, limit: int) -> bytes:
    """A `KeyValue` with its length, as it stands after a tag. Short strings and whole numbers repeat from request to
    request: kept."""
    kind = type(value)
    name = _keys.get(key)
    if name is None:
        name = field(b"\x0a", text(key))
        if len(_keys) < _CACHED_PAIRS:
            _keys[key] = name
    if kind is str:
        encoded = field(b"\x0a", text((clip_front if key == "exception.stacktrace" else clip)(value, limit)))
    else:
        encoded = any_value(value, limit)
    size = varint(len(encoded))
    pair = b"".join((varint(len(name) + 1 + len(size) + len(encoded)), name, b"\x12", size, encoded))
    if kind is int or (kind is str and len(value) <= min(_CACHED_LENGTH, limit)):
        if len(_pairs) >= _CACHED_PAIRS:
            _pairs.clear()
        _pairs[key, value] = pair
    return pair


def key_values(tag: bytes, attributes: Mapping[str, Any], limit: int) -> bytes:
    """Each attribute as the field `tag`; None values are left out."""
    pairs = [b""]
    for item in attributes.items():
        kind = type(item[1])
        # 1, True and 1.0 are one key of a dict: only types that were kept are looked for
        pair = _pairs.get(item) if kind is str or kind is int else None
        if pair is not None:
            pairs.append(pair)
        elif item[1] is not None:
            pairs.append(key_value(*item, limit))
    return tag.join(pairs)
