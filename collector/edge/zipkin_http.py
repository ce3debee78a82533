"""Zipkin's HTTP API: POST /api/v2/spans with JSON, its spans as OTLP.

Zipkin's API v2 (zipkin2-api.yaml) and OpenTelemetry's "OpenTelemetry to Zipkin Transformation" read backwards.
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from weftline.collector.edge.otel_tags import Request, Value, key_values, take_out
from weftline.collector.edge.otlp import Receiver
from weftline.collector.edge.route import Dialect, Route, text
from weftline.collector.errors import BadMessage
from weftline.collector.store.protocol import Signal

_KINDS = {
    "CLIENT": Span.SPAN_KIND_CLIENT,
    "SERVER": Span.SPAN_KIND_SERVER,
    "PRODUCER": Span.SPAN_KIND_PRODUCER,
    "CONSUMER": Span.SPAN_KIND_CONSUMER,
}
_MAX_MICROSECONDS = (1 << 63) // 1000 - 1


def routes(receiver: Receiver) -> dict[str, Route]:
    """By path."""
    answer = Dialect("text/plain", lambda body: to_otlp(body, time.time_ns()), lambda _: (202, b""), text)
    return {
        "/api/v2/spans": Route(
            Signal.SPANS,
            receiver,
            {"application/json": answer},
            lambda message, hold, tenant: receiver.receive(Signal.SPANS, message, hold, tenant),
        )
    }


def to_otlp(body: bytes, now: int) -> bytes:
    """A list of Zipkin v2 spans as an ExportTraceServiceRequest; raises `BadMessage` that says where it is wrong.

    ``now`` (ns) is when a span without any time began. A span that shares its id with its client's (`shared`) keeps it.
    """
    try:
        spans = json.loads(body)
    except RecursionError:
        raise BadMessage("The body is nested too deeply.") from None
    except ValueError as error:
        raise BadMessage(f"The body is not JSON: {error}.") from None
    if not isinstance(spans, list):
        raise BadMessage("The body is not a JSON list of spans.")
    return from_spans(spans, now)


def from_spans(spans: Sequence[Any], now: int) -> bytes:
    """As `to_otlp`, of what is read already."""
    request = Request()
    for index, it in enumerate(spans):
        _add(request, it, f"spans[{index}]", now)
    try:
        return request.message.SerializeToString()
    except ValueError as error:
        raise BadMessage(f"The spans can't be stored: {error}.") from None


def _add(request: Request, it: Any, where: str, now: int) -> None:
    if not isinstance(it, dict):
        raise BadMessage(f"{where} is not an object.")
    local, remote = _object(it, "localEndpoint", where), _object(it, "remoteEndpoint", where)
    tags = _tags(it, where)
    annotations = [
        _annotation(one, f"{where}.annotations[{n}]") for n, one in enumerate(_list(it, "annotations", where))
    ]
    began = _microseconds(it, "timestamp", where) or min((time for time, _, _ in annotations), default=now)
    kind = it.get("kind")
    span = Span(
        trace_id=_id(it, "traceId", 32, where),
        span_id=_id(it, "id", 16, where),
        parent_span_id=_id(it, "parentId", 16, where) if it.get("parentId") else b"",
        kind=_KINDS.get(kind.upper() if isinstance(kind, str) else "", Span.SPAN_KIND_INTERNAL),
        start_time_unix_nano=began,
        end_time_unix_nano=began + _microseconds(it, "duration", where),
    )
    try:
        scope = take_out(tags, span)
        span.name = _text(it, "name", where)
        span.attributes.extend(key_values({**tags, **_endpoints(local, remote, where)}))
        for time_, name, attributes in annotations:
            span.events.add(time_unix_nano=time_, name=name, attributes=key_values(attributes))
        service = _text(local, "serviceName", f"{where}.localEndpoint")
        request.add(span, {"service.name": service} if service else {}, scope)
    except ValueError as error:  # text that is no text: half a surrogate pair
        raise BadMessage(f"{where}: {error}.") from None


def _annotation(it: Any, where: str) -> tuple[int, str, Mapping[str, Value]]:
    """Time, name and attributes; OpenTelemetry's exporters write an event as `{"name": {attributes}}`."""
    if not isinstance(it, dict):
        raise BadMessage(f"{where} is not an object.")
    value = _text(it, "value", where)
    time_ = _microseconds(it, "timestamp", where)
    if value.startswith("{"):
        try:
            event = json.loads(value)
        except (ValueError, RecursionError):
            event = None
        match event:
            case dict() if len(event) == 1 and isinstance(attributes := next(iter(event.values())), dict):
                return time_, next(iter(event)), {key: _plain(one) for key, one in attributes.items()}
    return time_, value, {}


def _plain(it: Any) -> Value:
    if isinstance(it, int) and not -(1 << 63) <= it < 1 << 63:
        return str(it)
    return it if isinstance(it, str | bool | int | float) else json.dumps(it)


def _endpoints(local: dict[str, Any], remote: dict[str, Any], where: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for endpoint, side, field in ((local, "local", "localEndpoint"), (remote, "peer", "remoteEndpoint")):
        address = _text(endpoint, "ipv4", f"{where}.{field}") or _text(endpoint, "ipv6", f"{where}.{field}")
        if address:
            found[f"network.{side}.address"] = address
        port = endpoint.get("port")
        if isinstance(port, int) and 0 < port < 65536:
            found[f"network.{side}.port"] = port
    if name := _text(remote, "serviceName", f"{where}.remoteEndpoint"):
        found["peer.service"] = name
    return found


def _tags(it: dict[str, Any], where: str) -> dict[str, Value]:
    tags = _object(it, "tags", where)
    return {key: one if isinstance(one, str) else json.dumps(one) for key, one in tags.items()}


def _id(it: dict[str, Any], name: str, digits: int, where: str) -> bytes:
    text_ = it.get(name)
    if not isinstance(text_, str) or not re.fullmatch(f"[0-9a-fA-F]{{1,{digits}}}", text_):
        raise BadMessage(f"{where}.{name} is {str(text_)[:64]!r}, not 1 to {digits} hexadecimal digits.")
    return bytes.fromhex(text_.zfill(digits))


def _microseconds(it: dict[str, Any], name: str, where: str) -> int:
    """As nanoseconds; 0 where there is none."""
    value = it.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_MICROSECONDS:
        raise BadMessage(f"{where}.{name} is {str(value)[:64]!r}, not a number of microseconds.")
    return int(value) * 1000


def _text(it: dict[str, Any], name: str, where: str) -> str:
    value = it.get(name)
    if value is not None and not isinstance(value, str):
        raise BadMessage(f"{where}.{name} is not text.")
    return value or ""


def _object(it: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    value = it.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadMessage(f"{where}.{name} is not an object.")
    return value or {}


def _list(it: dict[str, Any], name: str, where: str) -> list[Any]:
    value = it.get(name)
    if value is not None and not isinstance(value, list):
        raise BadMessage(f"{where}.{name} is not a list.")
    return value or []
