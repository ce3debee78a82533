"""Protobuf's wire format, as far as OTLP's attributes need it: varints, lengths, `KeyValue` and `AnyValue`.

Written by hand because building protobuf objects costs six times as much, with the GIL held.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Any, Final

_INT64: Final = range(-(1 << 63), 1 << 63)
_UINT64: Final = 1 << 64
_CACHED_LENGTH: Final = 64
_CACHED_PAIRS: Final = 4096
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


_SMALL: Final = tuple(_encode_varint(number) for number in range(4096))


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


def key_value(tag: bytes, key: str, value: Any, limit: int) -> bytes:
    """A `KeyValue` as the field `tag`. Short strings and whole numbers repeat from request to request: kept."""
    kind = type(value)
    kept = (kind is str and len(value) <= min(_CACHED_LENGTH, limit)) or kind is int
    pair = _pairs.get((key, value)) if kept else None
    if pair is None:
        name = _keys.get(key)
        if name is None:
            name = field(b"\x0a", text(key))
            if len(_keys) < _CACHED_PAIRS:
                _keys[key] = name
        if kind is str and key == "exception.stacktrace":
            value = clip_front(value, limit)
        pair = name + field(b"\x12", any_value(value, limit))
        if kept:
            if len(_pairs) >= _CACHED_PAIRS:
                _pairs.clear()
            _pairs[key, value] = pair
    return field(tag, pair)


def key_values(tag: bytes, attributes: Mapping[str, Any], limit: int) -> Iterable[bytes]:
    """Each attribute as the field `tag`; None values are left out."""
    return [key_value(tag, key, value, limit) for key, value in attributes.items() if value is not None]
