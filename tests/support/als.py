"""Envoy's gRPC access log messages by hand: protobuf fields by number, for what a real Envoy won't say on demand."""

import struct as struct_module
from collections.abc import Mapping
from typing import Any

START_SECONDS = 1_795_327_632


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: int | str | bytes) -> bytes:
    """One field: an int as varint, text and bytes (also messages) with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def pair(key: str, value: str) -> bytes:
    return field(1, key) + field(2, value)


def address(host: str, port: int) -> bytes:
    return field(1, field(2, host) + field(3, port))


def time(seconds: int = 0, nanos: int = 0) -> bytes:
    return field(1, seconds) + field(2, nanos)


def common(
    *,
    stream_id: str = "",
    log_type: int = 6,
    tags: dict[str, str] | None = None,
    flags: bytes = b"",
    nanos: int = 5_000,
    remote: tuple[str, int] = ("10.0.0.1", 40000),
    local: tuple[str, int] = ("10.0.0.2", 8080),
    **numbered: Any,
) -> bytes:
    """AccessLogCommon; ``numbered``: f23=bytes and so on for fields that have no name here."""
    out = field(2, address(*remote)) + field(3, address(*local)) + field(5, time(START_SECONDS, nanos))
    out += field(16, flags) if flags else b""
    out += b"".join(field(22, pair(key, value)) for key, value in (tags or {}).items())
    out += field(26, stream_id) + field(33, log_type)
    return out + b"".join(field(int(name[1:]), value) for name, value in numbered.items())


def struct(values: Mapping[str, object]) -> bytes:
    """google.protobuf.Struct."""
    return b"".join(field(1, field(1, key) + field(2, _value(value))) for key, value in values.items())


def _value(value: object) -> bytes:
    match value:
        case None:
            return field(1, 0)
        case bool():
            return field(4, int(value))
        case float() | int():
            return varint(2 << 3 | 1) + struct_module.pack("<d", value)
        case str():
            return field(3, value)
        case dict():
            return field(5, struct(value))
        case list():
            return field(6, b"".join(field(1, _value(one)) for one in value))
        case _:
            raise TypeError(f"A Struct has no {value!r}.")


def metadata(namespaces: Mapping[str, Mapping[str, object]]) -> bytes:
    """envoy.config.core.v3.Metadata."""
    return b"".join(field(1, field(1, name) + field(2, struct(values))) for name, values in namespaces.items())


def http_entry(properties: bytes, request: bytes = b"", response: bytes = b"", version: int = 2) -> bytes:
    return field(1, properties) + field(2, version) + field(3, request) + field(4, response)


def request(*, method: int = 1, path: str = "/", request_id: str = "", headers: dict[str, str] | None = None) -> bytes:
    out = field(1, method) + field(3, "shop.example") + field(5, path) + field(9, request_id)
    return out + b"".join(field(13, pair(key, value)) for key, value in (headers or {}).items())


def response(code: int = 200, *, trailers: dict[str, str] | None = None) -> bytes:
    out = field(1, field(1, code)) + field(6, "via_upstream")
    return out + b"".join(field(5, pair(key, value)) for key, value in (trailers or {}).items())


def tcp_entry(properties: bytes, received: int = 0, sent: int = 0) -> bytes:
    return field(1, properties) + field(2, field(1, received) + field(2, sent))


def identifier(node_id: str = "cart-1", cluster: str = "cart", log_name: str = "als", extra: bytes = b"") -> bytes:
    return field(1, field(1, node_id) + field(2, cluster) + extra) + field(2, log_name)


def http_message(*entries: bytes, who: bytes = b"") -> bytes:
    logs = field(2, b"".join(field(1, entry) for entry in entries))
    return (field(1, who) if who else b"") + logs


def tcp_message(*entries: bytes, who: bytes = b"") -> bytes:
    logs = field(3, b"".join(field(1, entry) for entry in entries))
    return (field(1, who) if who else b"") + logs


def framed(message: bytes) -> bytes:
    return field(1, message)
