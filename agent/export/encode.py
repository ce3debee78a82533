"""OTLP requests: `ExportTraceServiceRequest` and `ExportLogsServiceRequest` (opentelemetry-proto 1.x) as bytes.

What repeats from span to span (a name with its kind, a key with its value) is encoded once and kept, in bounds.
"""

import struct
import time
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, TypeVar

from weftline.agent.export.protobuf import clip, field, key_values, text, varint
from weftline.agent.record import Event, Link, LogRecord, Span

T = TypeVar("T")
K = TypeVar("K")

_SLICE: Final = 128
"""Items encoded before the GIL is offered to the request threads: a quarter of a millisecond."""
_PARENT_KNOWN: Final = 0x100
"""Span flag: it is known whether the parent is remote."""
_PARENT_REMOTE: Final = 0x200
_LOW: Final = (1 << 64) - 1
_CACHED_NAMES: Final = 512
_CACHED_SEVERITIES: Final = 64
_CACHED_LENGTH: Final = 128
"""Characters of a name that is kept."""

_IDS: Final = struct.Struct(">2sQQ2sQ").pack
_IDS_AND_PARENT: Final = struct.Struct(">2sQQ2sQ2sQ").pack
_TIMES_AND_FLAGS: Final = struct.Struct("<cQcQ2sI").pack
_LOG_TIMES: Final = struct.Struct("<cQcQ").pack
_LOG_FLAGS: Final = struct.Struct("<cI").pack
_names: dict[tuple[str, int], bytes] = {}
_severities: dict[tuple[int, str], bytes] = {}


def resource(attributes: Mapping[str, Any]) -> bytes:
    """A `Resource` message."""
    return key_values(b"\x0a", attributes, 1 << 20)


def traces(resource_bytes: bytes, spans: Sequence[Span], version: str, limit: int) -> bytes:
    """An `ExportTraceServiceRequest`; scopes are the spans' libraries, the agent's own with `version`."""

    def about(scope: tuple[str, str | None]) -> bytes:
        return _scope(scope[0], version if scope[1] is None else scope[1])

    return _request(resource_bytes, spans, attrgetter("library", "version"), about, span, limit=limit)


def logs(resource_bytes: bytes, records: Sequence[LogRecord], version: str, limit: int) -> bytes:
    """An `ExportLogsServiceRequest`; scopes are the logger names, which have no version."""
    del version
    return _request(resource_bytes, records, attrgetter("scope"), lambda name: _scope(name, ""), log, limit=limit)


def _request(
    resource_bytes: bytes,
    items: Sequence[T],
    scope: Callable[[T], K],
    about: Callable[[K], bytes],
    encode: Callable[[T, int], bytes],
    *,
    limit: int,
) -> bytes:
    scopes: dict[K, list[bytes]] = {}
    for start in range(0, len(items), _SLICE):
        if start:
            time.sleep(0)
        for item in items[start : start + _SLICE]:
            encoded = encode(item, limit)
            key = scope(item)
            parts = scopes.get(key)
            if parts is None:
                parts = scopes[key] = []
            parts.append(b"\x12" + varint(len(encoded)))
            parts.append(encoded)
    parts = [field(b"\x0a", resource_bytes)]
    for key, encoded_items in scopes.items():
        head = about(key)
        parts += (b"\x12", varint(len(head) + sum(map(len, encoded_items))), head)
        parts += encoded_items
    return b"".join((b"\x0a", varint(sum(map(len, parts))), *parts))


def _scope(name: str, version: str) -> bytes:
    about = field(b"\x0a", text(name)) + (field(b"\x12", text(version)) if version else b"")
    return field(b"\x0a", about)


def span(item: Span, limit: int) -> bytes:
    """A `Span` message."""
    high, low = item.trace_id >> 64, item.trace_id & _LOW
    if item.parent_id:
        ids = _IDS_AND_PARENT(b"\x0a\x10", high, low, b"\x12\x08", item.span_id, b"\x22\x08", item.parent_id)
    else:
        ids = _IDS(b"\x0a\x10", high, low, b"\x12\x08", item.span_id)
    flags = item.flags | (_PARENT_KNOWN | _PARENT_REMOTE if item.remote_parent else _PARENT_KNOWN)
    parts = [
        ids,
        _names.get((item.name, item.kind)) or _name(item.name, item.kind, limit),
        _TIMES_AND_FLAGS(b"\x39", item.start_ns, b"\x41", item.end_ns, b"\x85\x01", flags),
        key_values(b"\x4a", item.attributes, limit),
    ]
    if item.tracestate:
        parts.append(field(b"\x1a", text(item.tracestate)))
    if item.has_more:
        if item.dropped_attributes:
            parts += (b"\x50", varint(item.dropped_attributes))
        parts += [field(b"\x5a", _event(event, limit)) for event in item.events]
        if item.dropped_events:
            parts += (b"\x60", varint(item.dropped_events))
        parts += [field(b"\x6a", _link(link, limit)) for link in item.links]
    if item.status:
        message = field(b"\x12", text(clip(item.status_message, limit))) if item.status_message else b""
        parts.append(field(b"\x7a", message + b"\x18" + varint(item.status)))
    return b"".join(parts)


def _name(name: str, kind: int, limit: int) -> bytes:
    encoded = field(b"\x2a", text(clip(name, limit))) + b"\x30" + varint(kind)
    if len(name) <= min(_CACHED_LENGTH, limit):
        if len(_names) >= _CACHED_NAMES:
            _names.clear()
        _names[name, kind] = encoded
    return encoded


def _severity(number: int, name: str, limit: int) -> bytes:
    encoded = b"\x10" + varint(number) + (field(b"\x1a", text(clip(name, limit))) if name else b"")
    if len(_severities) < _CACHED_SEVERITIES and len(name) <= min(_CACHED_LENGTH, limit):
        _severities[number, name] = encoded
    return encoded


def _event(event: Event, limit: int) -> bytes:
    head = struct.pack("<cQ", b"\x09", event.time_ns) + field(b"\x12", text(clip(event.name, limit)))
    return head + key_values(b"\x1a", event.attributes, limit)


def _link(link: Link, limit: int) -> bytes:
    to = link.context
    head = b"\x0a\x10" + to.trace_id.to_bytes(16, "big") + b"\x12\x08" + to.span_id.to_bytes(8, "big")
    return head + key_values(b"\x22", link.attributes, limit)


def log(item: LogRecord, limit: int) -> bytes:
    """A `LogRecord` message."""
    parts = [
        _LOG_TIMES(b"\x09", item.time_ns, b"\x59", item.observed_ns),
        _severities.get((item.severity_number, item.severity_text))
        or _severity(item.severity_number, item.severity_text, limit),
        field(b"\x2a", field(b"\x0a", text(clip(item.body, limit)))),
        key_values(b"\x32", item.attributes, limit),
    ]
    if item.trace_id:
        high, low = item.trace_id >> 64, item.trace_id & _LOW
        parts.append(_LOG_FLAGS(b"\x45", item.flags))
        if item.span_id:
            parts.append(_IDS(b"\x4a\x10", high, low, b"\x52\x08", item.span_id))
        else:
            parts += (b"\x4a\x10", item.trace_id.to_bytes(16, "big"))
    if item.event_name:
        parts.append(field(b"\x62", text(item.event_name)))
    return b"".join(parts)
