"""The bytes of Envoy's `StreamAccessLogsMessage`, as far as the edge has to look into them. Pure.

A stream says who it is in its first message only; the store needs it with every message. So a message is taken apart at
its top level, the stream's identifier is put before it, and the whole is framed (length-delimited field 1): frames one
after the other are one valid list for ClickHouse, which decodes the rest (`store/insert/envoy_als.proto`).
"""

from collections.abc import Iterator

from weftline.collector.errors import BadMessage
from weftline.collector.varint import varint

_IDENTIFIER, _HTTP_LOGS, _TCP_LOGS = 1, 2, 3
_LENGTH_DELIMITED = 2


def identifier(message: bytes) -> bytes:
    """What a stream's first message says of its sender, as a whole field 1 to put before others; b"" if nothing.

    Only node id, cluster, locality and log name: a real proxy's identifier also lists its 500 extensions, 65 kB.
    Raises `BadMessage`.
    """
    for number, value in _fields(message):
        if number == _IDENTIFIER:
            kept = b""
            for name, data in _fields(value):
                if name == 1:  # node
                    data = b"".join(_field(n, d) for n, d in _fields(data) if n in (1, 2, 4))  # noqa: PLW2901
                kept += _field(name, data)
            return _field(_IDENTIFIER, kept)
    return b""


def frame(who: bytes, message: bytes) -> tuple[bytes, int]:
    """The message with the identifier ``who`` before it, framed; and how many entries it has. Raises `BadMessage`."""
    logs, entries = b"", 0
    for number, value in _fields(message):
        if number in (_HTTP_LOGS, _TCP_LOGS):
            logs += _field(number, value)
            entries += sum(1 for _ in _fields(value))
    return _field(1, who + logs), entries


def _field(number: int, data: bytes) -> bytes:
    return bytes((number << 3 | _LENGTH_DELIMITED,)) + varint(len(data)) + data


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of the length-delimited fields; the others, which no message here has, are refused."""
    at, end = 0, len(data)
    try:
        while at < end:
            tag = data[at]
            if tag & 7 != _LENGTH_DELIMITED or tag > 127:
                raise BadMessage(f"Byte {at} begins no field of a StreamAccessLogsMessage.")
            at += 1
            length = shift = 0
            while True:
                byte = data[at]
                at += 1
                length |= (byte & 127) << shift
                if byte < 128:
                    break
                shift += 7
            if at + length > end:
                raise BadMessage(f"A field of {length} bytes at byte {at} is cut off after {end - at}.")
            yield tag >> 3, data[at : at + length]
            at += length
    except IndexError:
        raise BadMessage("A StreamAccessLogsMessage ends inside a field.") from None
