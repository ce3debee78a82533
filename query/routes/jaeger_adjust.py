"""Jaeger's adjusters that change spans: what it makes of a trace unless it is asked for it raw. Pure.

In Jaeger's order: shared ids of Zipkin's clients and servers, repetitions, clock skew, numeric IP addresses, what the
SDK says of itself. Warnings travel in the attribute `@jaeger@warnings`, as in Jaeger; here a JSON array, because
attributes are text. How far clocks are off is the timeline's estimate (`timeline/clocks`); the texts are Jaeger's.
"""

import ipaddress
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from weftline.collector.store.protocol import SpanRow
from weftline.query.routes.go_syntax import spell_duration
from weftline.query.timeline.clocks import estimate
from weftline.query.timeline.hosts import hosts
from weftline.query.timeline.model import ParentBy

WARNINGS: Final = "@jaeger@warnings"
IP_ATTRIBUTES: Final = ("ip", "peer.ipv4")
LIBRARY_ATTRIBUTES: Final = (
    "telemetry.sdk.language",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
    "telemetry.distro.name",
    "telemetry.distro.version",
)
DUPLICATE: Final = "duplicate span IDs; skipping clock skew adjustment"


def adjust(spans: Sequence[SpanRow], most_skew: int) -> list[SpanRow]:
    """The spans of one trace as Jaeger shows them; ``most_skew`` in ns is the largest correction made, 0 makes none."""
    rows = _without_repetition(_with_ids_of_their_own(list(spans)))
    warnings: defaultdict[int, list[str]] = defaultdict(list)
    rows = _on_one_clock(rows, most_skew, lambda at, text: warnings[at].append(text))
    for at, row in enumerate(rows):
        if any(name in row.attributes for name in IP_ATTRIBUTES):
            rows[at] = _with_readable_addresses(row)
        if any(name in row.attributes for name in LIBRARY_ATTRIBUTES):
            rows[at], conflicts = _with_library_in_resource(rows[at])
            warnings[at] += conflicts
    for at, texts in warnings.items():
        if texts:
            rows[at] = replace(rows[at], attributes={**rows[at].attributes, WARNINGS: json.dumps(texts)})
    return rows


def warnings_of(row: SpanRow) -> list[str]:
    """What `adjust` says about a span."""
    if text := row.attributes.get(WARNINGS):
        try:
            found = json.loads(text)
        except ValueError:
            return [text]
        return [str(it) for it in found] if isinstance(found, list) else [text]
    return []


def _with_ids_of_their_own(spans: list[SpanRow]) -> list[SpanRow]:
    """A server's span that shares its client's id (Zipkin) becomes that span's child; what it caused follows it."""
    clients = {row.span_id for row in spans if row.kind == "client"}
    shared = {row.span_id for row in spans if row.kind == "server"} & clients
    if not shared:
        return spans
    taken = {row.span_id for row in spans}
    new = {span_id: _free_id(span_id, taken) for span_id in sorted(shared)}
    adjusted = []
    for row in spans:
        if row.kind == "server" and row.span_id in new:
            adjusted.append(replace(row, span_id=new[row.span_id], parent_span_id=row.span_id))
        elif row.parent_span_id in new:
            adjusted.append(replace(row, parent_span_id=new[row.parent_span_id]))
        else:
            adjusted.append(row)
    return adjusted


def _free_id(span_id: str, taken: set[str]) -> str:
    """The same each time, so that an address with a span's id in it keeps working."""
    number = 0
    while (own := blake2b(f"{span_id} {number}".encode(), digest_size=8).hexdigest()) in taken:
        number += 1
    taken.add(own)
    return own


def _without_repetition(spans: list[SpanRow]) -> list[SpanRow]:
    """Each of equal spans once."""
    of_id: defaultdict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(spans):
        of_id[row.span_id].append(at)
    if len(of_id) == len(spans):
        return spans
    repeated: set[int] = set()
    for those in of_id.values():
        contents: set[str] = set()
        for at in those if len(those) > 1 else ():
            content = repr(spans[at])
            if content in contents:
                repeated.add(at)
            contents.add(content)
    return [row for at, row in enumerate(spans) if at not in repeated]


def _on_one_clock(spans: list[SpanRow], most: int, warn: Callable[[int, str], None]) -> list[SpanRow]:
    place: dict[str, int] = {}
    for at, row in enumerate(spans):
        if row.span_id in place:
            warn(at, DUPLICATE)
        place.setdefault(row.span_id, at)
    parents: list[int | None] = [None] * len(spans)
    by: list[ParentBy | None] = [None] * len(spans)
    for at, row in enumerate(spans):
        if not row.parent_span_id:
            continue
        parent = place.get(row.parent_span_id)
        if parent is None:
            warn(at, f"parent span ID={row.parent_span_id} is not in the trace; skipping clock skew adjustment")
        elif parent != at:
            parents[at], by[at] = parent, "span"
    clock_of = hosts(spans, parents, {})
    clocks = estimate(spans, parents, by, clock_of)
    if not any(clock.correction for clock in clocks):
        return spans
    adjusted = list(spans)
    for at, row in enumerate(spans):
        delta = clocks[clock_of[at]].correction
        if not delta:
            continue
        if not most:
            warn(at, f"clock skew adjustment disabled; not applying calculated delta of {spell_duration(delta)}")
        elif abs(delta) > most:
            limit = spell_duration(most)
            warn(
                at,
                f"max clock skew adjustment delta of {limit} exceeded; "
                f"not applying calculated delta of {spell_duration(delta)}",
            )
        else:
            warn(at, f"This span's timestamps were adjusted by {spell_duration(delta)}")
            events = [replace(event, time=event.time + delta) for event in row.events]
            adjusted[at] = replace(row, time=row.time + delta, events=events)
    return adjusted


def _with_readable_addresses(row: SpanRow) -> SpanRow:
    attributes = dict(row.attributes)
    for name in IP_ATTRIBUTES:
        text = attributes.get(name, "")
        if text.isascii() and text.isdecimal() and int(text) < 2**32:
            attributes[name] = str(ipaddress.IPv4Address(int(text)))
    return replace(row, attributes=attributes)


def _with_library_in_resource(row: SpanRow) -> tuple[SpanRow, list[str]]:
    attributes, resource = dict(row.attributes), dict(row.resource)
    conflicts = []
    for name in LIBRARY_ATTRIBUTES:
        if name not in attributes:
            continue
        if name in resource and resource[name] != attributes[name]:
            conflicts.append(f"conflicting values between Span and Resource for attribute {name}")
            continue
        resource[name] = attributes.pop(name)
    return replace(row, attributes=attributes, resource=resource), conflicts
