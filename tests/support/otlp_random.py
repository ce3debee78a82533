"""Export requests nobody would send, all of them valid, and bytes that were such a request."""

import struct
from random import Random
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from support.otlp import START

URL_KEYS = ("url.full", "path", "url.query", "http.url", "http.target")
KEYS = (
    *URL_KEYS, "service.name", "http.request.method", "http.request.header.authorization", "http.request.header.cookie",
    "http.response.header.set-cookie", "http.request.header.x-api-key", "http.request.header.proxy-authorization", "a", "",
    "k8s.pod.name", "ключ", "weftline.alias", "guid:x-request-id",
)  # fmt: skip
URL_PIECES = (
    "https://", "http:/", "://", "user", "pw", "@", ":", "?", "&", ";", "#", "/", "=", "token=", "Token=", "SID=", "sid",
    "x-amz-signature=", "api_key=", "api-key=", "apikey=", "apixkey=", "session", "sessionid=", "auth=", "authorization=",
    "[not stored]", "abc", "1", " ", "\n", "sub", "password", "password=", "jwt=x", "&&", "?sig=1", "%20",
)  # fmt: skip
ODD_DOUBLES = (
    0.0, -0.0, float("nan"), float("inf"), float("-inf"), 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e21,
    1e22, 1e-6, 1e-7, 9007199254740993.0,
)  # fmt: skip


def request(chance: Random) -> bytes:
    """A few spans of a few resources and scopes; anything optional may be missing or empty."""
    return ExportTraceServiceRequest(
        resource_spans=[
            {
                **_perhaps(
                    chance, 0.9, resource={"attributes": pairs(chance), "dropped_attributes_count": chance.randrange(2)}
                ),
                "scope_spans": [
                    {
                        **_perhaps(chance, 0.9, scope=_scope(chance)),
                        "spans": [span(chance) for _ in range(chance.choice((0, 1, 1, 2, 3)))],
                        "schema_url": chance.choice(("", "https://x")),
                    }
                    for _ in range(chance.choice((0, 1, 1, 2)))
                ],
                "schema_url": chance.choice(("", "u")),
            }
            for _ in range(chance.choice((1, 1, 2, 3)))
        ]
    ).SerializeToString()


def mutated(chance: Random, message: bytes) -> bytes:
    """Bits turned over; bytes changed, left out, put in, repeated; an end that is missing."""
    it = bytearray(message)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if not it:
            break
        at = chance.randrange(len(it))
        match chance.randrange(6):
            case 0:
                it[at] = chance.randrange(256)
            case 1:
                it[at] ^= 1 << chance.randrange(8)
            case 2:
                del it[at : at + chance.choice((1, 2, 9))]
            case 3:
                it[at:at] = chance.randbytes(chance.choice((1, 2, 9)))
            case 4:
                del it[at:]
            case 5:
                source = chance.randrange(len(it))
                it[at:at] = it[source : source + chance.randrange(40)]
    return bytes(it)


def text(chance: Random) -> str:
    match chance.choices(("empty", "plain", "unicode", "url"), (1, 5, 3, 1))[0]:
        case "plain":
            size = chance.choice((1, 3, 7, 8, 9, 15, 16, 17, 40, 127, 128, 129, 300))
            return "".join(chance.choice("abcXYZ019 -_./") for _ in range(size))
        case "unicode":
            return "".join(chr(_code_point(chance)) for _ in range(chance.randrange(20)))
        case "url":
            return "".join(chance.choice((*URL_PIECES, "é", "\u017f")) for _ in range(chance.randrange(12)))
    return ""


def double(chance: Random) -> float:
    match chance.randrange(8):
        case 0:
            return float(struct.unpack("<d", chance.randbytes(8))[0])
        case 1:
            return chance.choice(ODD_DOUBLES)
        case 2:
            return float(chance.randrange(-(10**6), 10**6))
        case 3:
            return chance.randrange(10**6) / 10 ** chance.randrange(12)
        case 4:
            return 10.0 ** chance.randrange(-30, 30)
        case 5:
            return chance.random() * 10.0 ** chance.randrange(-10, 25)
        case 6:
            return 2.0 ** chance.randrange(-1074, 1024)
    return -chance.random()


def integer(chance: Random) -> int:
    sizes = (
        0,
        1,
        -1,
        2**63 - 1,
        -(2**63),
        10 ** chance.randrange(19),
        -(10 ** chance.randrange(19)),
        chance.randrange(300),
    )
    return chance.choice((*sizes, chance.randrange(-(2**63), 2**63), 1 << chance.randrange(63)))


def value(chance: Random, depth: int = 0) -> AnyValue:
    kinds = ("text", "int", "bool", "double", "bytes", "nothing", "list", "map")
    match chance.choices(kinds, (35, 10, 7, 13, 7, 4, 12, 12) if depth < 3 else (1, 1, 1, 1, 1, 1, 0, 0))[0]:
        case "text":
            return AnyValue(string_value=text(chance))
        case "int":
            return AnyValue(int_value=integer(chance))
        case "bool":
            return AnyValue(bool_value=chance.random() < 0.5)
        case "double":
            return AnyValue(double_value=double(chance))
        case "bytes":
            return AnyValue(bytes_value=chance.randbytes(chance.randrange(40)))
        case "list":
            size = chance.choice((0, 1, 2, 5, 60 if depth == 0 else 1))
            return AnyValue(array_value={"values": [value(chance, depth + 1) for _ in range(size)]})
        case "map":
            return AnyValue(kvlist_value={"values": pairs(chance, 5, depth + 1)})
    return AnyValue()


def pairs(chance: Random, most: int = 8, depth: int = 0) -> list[KeyValue]:
    return [_pair(chance, depth) for _ in range(chance.randrange(most))]


def span(chance: Random) -> dict[str, Any]:
    start = chance.choice((0, 1, START, START + chance.randrange(10**12), START + chance.randrange(10**14)))
    end = max(0, start + chance.choice((0, 1, -5, 10**6, chance.randrange(10**12))))
    return {
        "trace_id": chance.randbytes(16),
        "span_id": chance.randbytes(8),
        "start_time_unix_nano": start,
        "attributes": pairs(chance),
        "events": [_event(chance, start) for _ in range(chance.choice((0, 0, 0, 1, 2)))],
        "links": [_link(chance) for _ in range(chance.choice((0, 0, 0, 1, 2)))],
        **_perhaps(chance, 0.9, end_time_unix_nano=end),
        **_perhaps(chance, 0.7, parent_span_id=chance.randbytes(8)),
        **_perhaps(chance, 0.3, trace_state=text(chance)),
        **_perhaps(chance, 0.5, flags=chance.choice((1, 257, 2**32 - 1))),
        **_perhaps(chance, 0.9, name=text(chance)),
        **_perhaps(chance, 0.9, kind=chance.randrange(6)),
        **_perhaps(chance, 0.3, status={"code": chance.randrange(3), "message": chance.choice(("", text(chance)))}),
        **_perhaps(chance, 0.2, dropped_attributes_count=chance.randrange(300)),
    }


def _perhaps(chance: Random, often: float, **field: Any) -> dict[str, Any]:
    return field if chance.random() < often else {}


def _scope(chance: Random) -> dict[str, Any]:
    return {
        "name": text(chance),
        "version": chance.choice(("", "1")),
        **_perhaps(chance, 0.3, attributes=pairs(chance, 3)),
    }


def _event(chance: Random, time: int) -> dict[str, Any]:
    return {"time_unix_nano": time, "name": text(chance), "attributes": pairs(chance, 4), "dropped_attributes_count": 1}


def _link(chance: Random) -> dict[str, Any]:
    return {
        "trace_id": chance.choice((b"", chance.randbytes(16))),
        "span_id": chance.choice((b"", chance.randbytes(8))),
        "trace_state": chance.choice(("", "a=b")),
        "flags": chance.choice((0, 1)),
        "attributes": pairs(chance, 3),
    }


def _pair(chance: Random, depth: int) -> KeyValue:
    key = chance.choice(KEYS) if chance.random() < 0.7 else text(chance)
    if chance.random() < 0.03:
        return KeyValue(key=key)
    if key in URL_KEYS and chance.random() < 0.8:
        url = "".join(chance.choice(URL_PIECES) for _ in range(chance.randrange(14)))
        return KeyValue(key=key, value=AnyValue(string_value=url))
    return KeyValue(key=key, value=value(chance, depth))


def _code_point(chance: Random) -> int:
    return chance.choice(
        (
            chance.randrange(128),
            chance.randrange(0x20),
            chance.randrange(0x2100),
            0x2027,
            0x2028,
            0x2029,
            0x1F600,
            34,
            47,
            92,
        )
    )
