"""OTLP requests: `ExportTraceServiceRequest` and `ExportLogsServiceRequest` (opentelemetry-proto 1.x) as bytes."""

import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from weftline.agent.export.protobuf import any_value, clip, field, key_values, text, varint
from weftline.agent.record import Event, Link, LogRecord, Span

T = TypeVar("T")

_SLICE: Final = 64
"""Items encoded before the GIL is offered to the request threads."""
_PARENT_KNOWN: Final = 0x100
"""Span flag: it is known whether the parent is remote."""
_PARENT_REMOTE: Final = 0x200


def resource(attributes: Mapping[str, Any]) -> bytes:
    """A `Resource` message."""
    return b"".join(key_values(b"\x0a", attributes, 1 << 20))


def traces(resource_bytes: bytes, spans: Sequence[Span], version: str, limit: int) -> bytes:
    """An `ExportTraceServiceRequest`; scopes are the spans' libraries, the agent's own with `version`."""

    def scope(item: Span) -> tuple[str, str]:
        return item.library, version if item.version is None else item.version

    return _request(resource_bytes, spans, scope, lambda item: span(item, limit))


def logs(resource_bytes: bytes, records: Sequence[LogRecord], version: str, limit: int) -> bytes:
    """An `ExportLogsServiceRequest`; scopes are the logger names, which have no version."""
    del version
    return _request(resource_bytes, records, lambda item: (item.scope, ""), lambda item: log(item, limit))


def _request(
    resource_bytes: bytes, items: Sequence[T], scope: Callable[[T], tuple[str, str]], encode: Callable[[T], bytes]
) -> bytes:
    scopes: dict[tuple[str, str], list[bytes]] = {}
    for index, item in enumerate(items, 1):
        scopes.setdefault(scope(item), []).append(field(b"\x12", encode(item)))
        if index % _SLICE == 0:
            time.sleep(0)
    parts = [field(b"\x0a", resource_bytes)]
    for (name, version), encoded in scopes.items():
        about = field(b"\x0a", text(name)) + (field(b"\x12", text(version)) if version else b"")
        parts.append(field(b"\x12", field(b"\x0a", about) + b"".join(encoded)))
    return field(b"\x0a", b"".join(parts))


def span(item: Span, limit: int) -> bytes:
    """A `Span` message."""
    parts = [b"\x0a\x10", item.trace_id.to_bytes(16, "big"), b"\x12\x08", item.span_id.to_bytes(8, "big")]
    if item.tracestate:
        parts.append(field(b"\x1a", text(item.tracestate)))
    if item.parent_id:
        parts += [b"\x22\x08", item.parent_id.to_bytes(8, "big")]
    parts += [field(b"\x2a", text(clip(item.name, limit))), b"\x30", varint(item.kind)]
    parts.append(struct.pack("<cQcQ", b"\x39", item.start_ns, b"\x41", item.end_ns))
    parts += key_values(b"\x4a", item.attributes, limit)
    if item.dropped_attributes:
        parts += [b"\x50", varint(item.dropped_attributes)]
    parts += [field(b"\x5a", _event(event, limit)) for event in item.events]
    if item.dropped_events:
        parts += [b"\x60", varint(item.dropped_events)]
    parts += [field(b"\x6a", _link(link, limit)) for link in item.links]
    if item.status:
        message = field(b"\x12", text(clip(item.status_message, limit))) if item.status_message else b""
        parts.append(field(b"\x7a", message + b"\x18" + varint(item.status)))
    remote = _PARENT_REMOTE if item.remote_parent else 0
    parts.append(struct.pack("<2sI", b"\x85\x01", item.flags | _PARENT_KNOWN | remote))
    return b"".join(parts)


def _event(event: Event, limit: int) -> bytes:
    head = struct.pack("<cQ", b"\x09", event.time_ns) + field(b"\x12", text(clip(event.name, limit)))
    return head + b"".join(key_values(b"\x1a", event.attributes, limit))


def _link(link: Link, limit: int) -> bytes:
    to = link.context
    head = b"\x0a\x10" + to.trace_id.to_bytes(16, "big") + b"\x12\x08" + to.span_id.to_bytes(8, "big")
    return head + b"".join(key_values(b"\x22", link.attributes, limit))


def log(item: LogRecord, limit: int) -> bytes:
    """A `LogRecord` message."""
    parts = [struct.pack("<cQ", b"\x09", item.time_ns), b"\x10", varint(item.severity_number)]
    if item.severity_text:
        parts.append(field(b"\x1a", text(clip(item.severity_text, limit))))
    parts.append(field(b"\x2a", any_value(item.body, limit)))
    parts += key_values(b"\x32", item.attributes, limit)
    if item.trace_id:
        parts.append(struct.pack("<cI", b"\x45", item.flags))
        parts += [b"\x4a\x10", item.trace_id.to_bytes(16, "big")]
        if item.span_id:
            parts += [b"\x52\x08", item.span_id.to_bytes(8, "big")]
    parts.append(struct.pack("<cQ", b"\x59", item.observed_ns))
    if item.event_name:
        parts.append(field(b"\x62", text(item.event_name)))
    return b"".join(parts)
