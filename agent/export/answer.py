"""What a collector answers: how much it did not take, when to come back. The few protobuf fields of it that count.

Read by hand: opentelemetry-proto's classes would cost the program megabytes for three numbers.
"""

from collections.abc import Iterator
from typing import Final

_RETRY_INFO: Final = b"type.googleapis.com/google.rpc.RetryInfo"
_LENGTHS: Final = {1: 8, 5: 4}
"""Bytes of the wire types of fixed length."""


def rejected(response: bytes) -> int:
    """`partial_success.rejected_spans` or `_log_records` of an OTLP response; 0 for none or an unreadable one."""
    try:
        return max(0, next((_number(part, 1) for part in _messages(response, 1)), 0))
    except (IndexError, ValueError):
        return 0


def retry_delay(status: bytes) -> float | None:
    """Seconds of the RetryInfo in a `google.rpc.Status`; None without one, or in bytes that aren't a Status."""
    try:
        for detail in _messages(status, 3):
            if _RETRY_INFO in _messages(detail, 1):
                delays = [delay for info in _messages(detail, 2) for delay in _messages(info, 1)]
                return max(0.0, sum(_number(delay, 1) + _number(delay, 2) / 1e9 for delay in delays))
    except (IndexError, ValueError):
        pass
    return None


def _messages(message: bytes, field: int) -> Iterator[bytes]:
    """The values of a length-delimited field."""
    return (value for number, value in _fields(message) if number == field and isinstance(value, bytes))


def _number(message: bytes, field: int) -> int:
    """A signed varint field; 0 if it isn't there."""
    found = next((value for number, value in _fields(message) if number == field and isinstance(value, int)), 0)
    return found - (1 << 64) if found >= 1 << 63 else found


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Each field's number and value. Raises IndexError or ValueError for what isn't protobuf."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        if tag & 7 == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        length = _LENGTHS.get(tag & 7)
        if length is None:
            if tag & 7 != 2:
                raise ValueError("an unknown wire type")
            length, at = _varint(message, at)
        if at + length > len(message):
            raise IndexError("cut short")
        yield tag >> 3, message[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a varint of more than 64 bits")
