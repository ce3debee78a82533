"""Traces as Jaeger's HTTP API v3 has them: OTLP in JSON, and a summary of each. Pure.

JSON as protobuf's: ids in hex, 64-bit integers as strings, enums as numbers, zero fields left out; but what Jaeger's
UI insists on (names of services, operations and kinds, counts) is always there.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from weftline.collector.store.protocol import SpanOutline, SpanRow
from weftline.query.routes.jaeger_adjust import WARNINGS
from weftline.query.routes.jaeger_v1_model import DOUBLE, NO_TYPES, is_int

Json = dict[str, Any]

KINDS: Final = {"unspecified": 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
STATUSES: Final = {"unset": 0, "ok": 1, "error": 2}


def resource_spans(spans: Sequence[SpanRow]) -> list[Json]:
    """OTLP's `resourceSpans`: spans by resource, then by scope, in order of appearance."""
    by_resource: dict[tuple[tuple[str, str], ...], list[SpanRow]] = {}
    for row in spans:
        by_resource.setdefault(tuple(sorted(row.resource.items())), []).append(row)
    return [
        {"resource": _attributes_in(dict(resource)), "scopeSpans": _scope_spans(rows)}
        for resource, rows in by_resource.items()
    ]


def _scope_spans(rows: Sequence[SpanRow]) -> list[Json]:
    by_scope: dict[tuple[str, str], list[SpanRow]] = {}
    for row in rows:
        by_scope.setdefault((row.scope_name, row.scope_version), []).append(row)
    return [
        {"scope": _without_zeros({"name": name, "version": version}), "spans": [_span(row) for row in of_scope]}
        for (name, version), of_scope in by_scope.items()
    ]


def _span(row: SpanRow) -> Json:
    return {
        "traceId": row.transaction_id,
        "spanId": row.span_id,
        **_without_zeros(
            {
                "parentSpanId": row.parent_span_id,
                "name": row.name,
                "kind": KINDS[row.kind],
                "startTimeUnixNano": str(row.time),
                "endTimeUnixNano": str(row.time + row.duration),
                **_attributes_in(row.attributes, row.attribute_types),
                "events": [
                    {
                        "timeUnixNano": str(event.time),
                        **_without_zeros({"name": event.name}),
                        **_attributes_in(event.attributes),
                    }
                    for event in row.events
                ],
                "links": [
                    {"traceId": link.trace_id, "spanId": link.span_id, **_attributes_in(link.attributes)}
                    for link in row.links
                ],
            }
        ),
        "status": _without_zeros({"message": row.status_message, "code": STATUSES[row.status]}),
    }


def _attributes_in(attributes: Mapping[str, str], types: Mapping[str, str] = NO_TYPES) -> Json:
    return _without_zeros(
        {
            "attributes": [
                {"key": key, "value": _value(key, text, types.get(key, ""))} for key, text in attributes.items()
            ]
        }
    )


def _value(key: str, text: str, type_: str) -> Json:
    if key == WARNINGS:
        return {"arrayValue": {"values": [{"stringValue": one} for one in json.loads(text)]}}
    if type_ == "bool":
        return {"boolValue": text == "true"}
    if type_ == "double" and DOUBLE.fullmatch(text):
        return {"doubleValue": float(text)}
    return {"intValue": text} if is_int(key, text, type_) else {"stringValue": text}


def _without_zeros(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value}


def summary(trace_id: str, spans: Sequence[SpanOutline]) -> Json:
    """One line of a list of traces; ``spans`` is not empty."""
    ids = {span.span_id for span in spans}
    roots = [span for span in spans if not span.parent_span_id]
    root = min(roots, key=lambda span: span.time, default=None)
    by_service = groupby(sorted(spans, key=lambda span: span.service), key=lambda span: span.service)
    services = [
        {"name": name, "spanCount": len(of), "errorSpanCount": sum(span.error for span in of)}
        for name, of in ((name, list(of)) for name, of in by_service)
    ]
    return {
        "traceId": trace_id,
        "rootServiceName": root.service if root else "",
        "rootOperationName": root.name if root else "",
        "minStartTimeUnixNano": str(min(span.time for span in spans)),
        "maxEndTimeUnixNano": str(max(span.time + span.duration for span in spans)),
        "spanCount": len(spans),
        "errorSpanCount": sum(span.error for span in spans),
        "orphanSpanCount": sum(bool(span.parent_span_id) and span.parent_span_id not in ids for span in spans),
        "services": services,
    }
