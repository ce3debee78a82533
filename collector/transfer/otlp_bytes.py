"""OTLP requests in protobuf, told apart and cut out of a file by their bytes. Pure.

opentelemetry-proto: an Export…ServiceRequest, and TracesData and LogsData alike, is a list of resources in field 1,
each with a list of scopes in field 2, each with a list of spans, log records or metrics in field 2.
"""

import io
from collections.abc import Callable, Iterator
from typing import Final

from weftline.collector.errors import BadMessage
from weftline.collector.store.protocol import Signal

VARINT, I64, LEN, I32 = 0, 1, 2, 5
RESOURCE_TAG: Final = b"\x0a"
"""Field 1, length-delimited: with it every request begins that has something in it."""
MAX_MESSAGE: Final = 1 << 30


def signal_of(request: bytes) -> Signal | None:
    """What the first record of a request is; None of a request without any. Raises `BadMessage`: it is no OTLP."""
    record = next(_records(memoryview(request)), None)
    if record is None:
        return None
    fields = {(number, wire) for number, wire, _ in _fields(record)}
    if (7, I64) in fields or (8, I64) in fields:  # start and end of a span
        return Signal.SPANS
    if {(1, I64), (11, I64), (2, VARINT), (8, I32), (9, LEN)} & fields and (1, LEN) not in fields:
        return Signal.LOGS
    raise BadMessage("holds neither spans nor log records; metrics are not stored")


def _records(request: memoryview) -> Iterator[memoryview]:
    for resource in _lists(request, 1):
        for scope in _lists(resource, 2):
            yield from _lists(scope, 2)


def _lists(message: memoryview, field: int) -> Iterator[memoryview]:
    return (value for number, wire, value in _fields(message) if number == field and wire == LEN)


def _fields(message: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """(number, wire type, bytes of the value) of each field; raises `BadMessage` where there is none."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        match wire:
            case 0:
                _, end = _varint(message, at)
            case 1:
                end = at + 8
            case 2:
                size, at = _varint(message, at)
                end = at + size
            case 5:
                end = at + 4
            case _:
                end = len(message) + 1
        if end > len(message):
            raise BadMessage("is no OTLP request in protobuf")
        yield tag >> 3, wire, message[at:end]
        at = end


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
    raise BadMessage("is no OTLP request in protobuf")


def requests(stream: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of each request of a file: a resource each where they simply follow each other, else a frame.

    Frames are those of the OpenTelemetry Collector's file exporter (four bytes of length, big-endian) and protobuf's
    own (the length as a varint). Raises `BadMessage` with the offset where the file stops making sense.
    """
    head = stream.peek(16)[:16]
    if head[:1] == b"\x00":
        return _framed(stream, lambda: _length(stream))
    if head.startswith(RESOURCE_TAG):
        return _resources(stream)
    _, after = _varint(memoryview(head), 0)
    if head[after : after + 1] == RESOURCE_TAG:
        return _framed(stream, lambda: _read_varint(stream))
    raise BadMessage(f"begins with {head[:8]!r}, which is neither JSON nor OTLP in protobuf")


def _resources(stream: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
    at = 0
    while tag := stream.read(1):
        if tag != RESOURCE_TAG:
            raise BadMessage(
                f"byte {at}: is no OTLP request in protobuf: a resource's spans or log records belong there"
            )
        size, prefix = _read_varint(stream) or (0, b"")
        yield at, tag + prefix + _read(stream, size, at)
        at += 1 + len(prefix) + size


def _framed(stream: io.BufferedReader, length: Callable[[], tuple[int, bytes] | None]) -> Iterator[tuple[int, bytes]]:
    at = 0
    while (frame := length()) is not None:
        size, prefix = frame
        yield at, _read(stream, size, at)
        at += len(prefix) + size


def _read(stream: io.BufferedReader, size: int, at: int) -> bytes:
    if size > MAX_MESSAGE:
        raise BadMessage(
            f"byte {at}: says that {size} bytes follow, the limit is {MAX_MESSAGE}; it may be no OTLP at all"
        )
    data = stream.read(size)
    if len(data) < size:
        raise BadMessage(f"byte {at}: says that {size} bytes follow, but the file ends after {len(data)}")
    return data


def _length(stream: io.BufferedReader) -> tuple[int, bytes] | None:
    prefix = stream.read(4)
    if 0 < len(prefix) < 4:
        raise BadMessage("ends in the middle of a length")
    return (int.from_bytes(prefix, "big"), prefix) if prefix else None


def _read_varint(stream: io.BufferedReader) -> tuple[int, bytes] | None:
    """Value and its bytes; None at the end of the file."""
    prefix = b""
    while byte := stream.read(1):
        prefix += byte
        if byte[0] < 128 or len(prefix) == 10:
            return _varint(memoryview(prefix), 0)[0], prefix
    return None
