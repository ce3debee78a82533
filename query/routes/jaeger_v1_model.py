"""Spans as Jaeger's UI model (v1 JSON), as OpenTelemetry's translator and Jaeger's adjusters make it. Pure.

Integers are microseconds, rounded down. Numbers and booleans among a span's attributes have their types; all other
values are text in the store, so tags are strings but for those whose type the semantic conventions fix.
"""

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from weftline.collector.store.protocol import SpanEvent, SpanLink, SpanRow
from weftline.query.routes.jaeger_adjust import WARNINGS, warnings_of

Json = dict[str, Any]

INT_ATTRIBUTES: Final = frozenset({"http.response.status_code", "http.status_code", "rpc.grpc.status_code"})
"""Integers by OpenTelemetry's semantic conventions, old and new, that Jaeger's UI and Grafana look at."""
INT: Final = re.compile(r"-?[0-9]{1,19}")
DOUBLE: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
NO_TYPES: Final[Mapping[str, str]] = MappingProxyType({})
SAFE_INT: Final = 2**53 - 1
"""Larger integers go out as strings, since JavaScript would round them."""
NO_SERVICE: Final = "OTLPResourceNoServiceName"
"""Service of a span whose resource says nothing at all."""
INVALID_LINK: Final = "Invalid span link removed"


def trace(trace_id: str, spans: Sequence[SpanRow], *, raw: bool, truncated: bool) -> Json:
    """One entry of the envelope's ``data``. ``raw`` leaves out those of Jaeger's adjusters that are made here:
    sorting of attributes by key and of events by name, removal of empty links. For the others see `jaeger_adjust`."""
    shown = trace_id.removeprefix("0" * 16)
    processes: dict[str, Json] = {}
    ids: dict[str, str] = {}
    of_resource: dict[tuple[str, frozenset[tuple[str, str]]], str] = {}
    views = []
    for row in spans:
        key = (row.service, frozenset(row.resource.items()))
        process = of_resource.get(key)
        if process is None:
            process = of_resource[key] = process_id(_process(row), processes, ids)
        views.append(_span(row, shown, process, raw=raw))
    if truncated and views:
        warning = f"trace has more than {len(views)} spans, showing first {len(views)} spans only"
        views[0]["warnings"] = [*(views[0]["warnings"] or []), warning]
    return {"traceID": shown, "spans": views, "processes": processes, "warnings": None}


def process_id(process: Json, processes: dict[str, Json], ids: dict[str, str]) -> str:
    """The id of an equal process in ``processes``, where it is put if it is new; ``ids`` is the index of them."""
    key = json.dumps(process, sort_keys=True)
    if key not in ids:
        ids[key] = f"p{len(ids) + 1}"
        processes[ids[key]] = process
    return ids[key]


def _process(row: SpanRow) -> Json:
    resource = {name: value for name, value in row.resource.items() if name != "service.name"}
    name = row.service if row.service or row.resource else NO_SERVICE
    return {"serviceName": name, "tags": _tags(resource, by_key=True)}


def _span(row: SpanRow, trace_id: str, process: str, *, raw: bool) -> Json:
    links = row.links if raw else [link for link in row.links if not _is_empty(link)]
    events = row.events if raw else sorted(row.events, key=lambda event: event.name)
    return {
        "traceID": trace_id,
        "spanID": row.span_id,
        "operationName": row.name,
        "references": references(row.parent_span_id, links, trace_id),
        "startTime": row.time // 1000,
        "duration": row.duration // 1000,
        "tags": _span_tags(row, by_key=not raw),
        "logs": [_log(event, by_key=not raw) for event in events],
        "processID": process,
        "warnings": [*warnings_of(row), *[INVALID_LINK] * (len(row.links) - len(links))] or None,
    }


def _is_empty(link: SpanLink) -> bool:
    return not link.trace_id.strip("0") or not link.span_id.strip("0")


def references(parent: str, links: Sequence[SpanLink], trace_id: str) -> list[Json]:
    """The parent first: the UI and Grafana take the first CHILD_OF for it. A link to it only sets its type.

    ``trace_id`` as it is shown; ``parent`` may be empty.
    """
    found: list[Json] = []
    if parent:
        found.append({"refType": "CHILD_OF", "traceID": trace_id, "spanID": parent})
    for link in links:
        child = link.attributes.get("opentracing.ref_type") == "child_of"
        kind = "CHILD_OF" if child else "FOLLOWS_FROM"
        linked_trace = link.trace_id.removeprefix("0" * 16)
        if parent and (linked_trace, link.span_id) == (trace_id, parent):
            found[0]["refType"] = kind
        else:
            found.append({"refType": kind, "traceID": linked_trace, "spanID": link.span_id})
    return found


def _span_tags(row: SpanRow, *, by_key: bool) -> list[Json]:
    tags: list[Json] = []
    if row.scope_name:
        tags.append(_text("otel.scope.name", row.scope_name))
        if by_key:  # Jaeger has not got them, yet its UI looks for a scope under these older names alone
            tags.append(_text("otel.library.name", row.scope_name))
    if row.scope_version:
        tags.append(_text("otel.scope.version", row.scope_version))
        if by_key:
            tags.append(_text("otel.library.version", row.scope_version))
    attributes = {name: it for name, it in row.attributes.items() if name != WARNINGS}
    tags += _tags(attributes, row.attribute_types, by_key=by_key)
    if row.kind != "unspecified":
        tags.append(_text("span.kind", row.kind))
    if row.status != "unset":
        tags.append(_text("otel.status_code", row.status.upper()))
    if row.status == "error":
        tags.append({"key": "error", "type": "bool", "value": True})
    if row.status_message:
        tags.append(_text("otel.status_description", row.status_message))
    return tags


def _log(event: SpanEvent, *, by_key: bool) -> Json:
    fields = [] if not event.name or "event" in event.attributes else [_text("event", event.name)]
    return {"timestamp": event.time // 1000, "fields": fields + _tags(event.attributes, by_key=by_key)}


def _tags(attributes: Mapping[str, str], types: Mapping[str, str] = NO_TYPES, *, by_key: bool) -> list[Json]:
    items = sorted(attributes.items()) if by_key else attributes.items()
    return [_tag(key, value, types.get(key, "")) for key, value in items]


def _tag(key: str, value: str, type_: str) -> Json:
    if not type_ and key not in INT_ATTRIBUTES:
        return {"key": key, "type": "string", "value": value}
    if type_ == "bool":
        return {"key": key, "type": "bool", "value": value == "true"}
    if type_ == "double" and DOUBLE.fullmatch(value):  # not inf or nan: JSON has no numbers for them
        return {"key": key, "type": "float64", "value": float(value)}
    if is_int(key, value, type_):
        number = int(value)
        return {"key": key, "type": "int64", "value": number if abs(number) <= SAFE_INT else value}
    return _text(key, value)


def is_int(key: str, value: str, type_: str) -> bool:
    """Whether an attribute goes out as an integer."""
    return bool(INT.fullmatch(value)) and (type_ == "int" or (key in INT_ATTRIBUTES and value[0] != "-"))


def _text(key: str, value: str) -> Json:
    return {"key": key, "type": "string", "value": value}
