"""Carrying the transaction ID in and out: one file per header format, the order of precedence here.

In: every format is read. The first valid one of `traceparent`, `b3`, `x-b3-…` and `uber-trace-id` is the parent; else
`x-transaction-id` names the trace (a hop that copies only that header keeps the transaction together, without a
parent); else a new trace starts. The ids of the others, and `sw8`'s, become aliases. Bad headers are as good as none.
Out: `x-transaction-id`, `x-request-id` and what OTEL_PROPAGATORS names.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Final

from opentelemetry import context as otel

from weftline.agent import semconv
from weftline.agent.propagate import b3, baggage, jaeger, request_id, sw8, transaction_id, w3c

NAMES: Final = (
    semconv.TRACEPARENT, semconv.TRACESTATE, semconv.REQUEST_ID, semconv.TRANSACTION_ID,
    baggage.HEADER, b3.SINGLE, *b3.MULTI, jaeger.HEADER, sw8.HEADER,
)  # fmt: skip
"""The headers read, in lower case."""

_written: frozenset[str] = frozenset(("tracecontext", "baggage"))


def configure(propagators: Iterable[str]) -> None:
    """Which formats are written, besides ours. With `none` nothing is written and nothing read."""
    global _written  # noqa: PLW0603 - a process has one agent
    _written = frozenset(propagators)


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a request brought. 0 stands for an id that didn't come; `flags` is None where no decision came with it.
    `aliases` are the trace ids of other systems; `baggage` is the header as it came."""

    trace_id: int = 0
    span_id: int = 0
    flags: int | None = None
    tracestate: str = ""
    request_id: str | None = None
    aliases: tuple[str, ...] = ()
    baggage: str = ""


def extract(get: Callable[[str], str | None]) -> Incoming:
    """Reads a request's headers, by lower-case name; a repeated header's values come joined by commas."""
    if "none" in _written:
        return Incoming()
    alias = request_id.parse(get(semconv.REQUEST_ID))
    carried = get(baggage.HEADER) or ""
    parent: tuple[int, int, int | None] | None = w3c.parse(get(semconv.TRACEPARENT))
    state = w3c.tracestate(get(semconv.TRACESTATE)) if parent is not None else ""
    single, several, uber, skywalking = get(b3.SINGLE), get(b3.TRACE_ID), get(jaeger.HEADER), get(sw8.HEADER)
    if single is None and several is None and uber is None and skywalking is None:
        if parent is not None:
            return Incoming(*parent, state, alias, (), carried)
        return Incoming(transaction_id.parse(get(semconv.TRANSACTION_ID)), request_id=alias, baggage=carried)
    others = [found for found in (b3.parse(single), b3.parse_multi(get), jaeger.parse(uber)) if found is not None]
    if parent is None and others:
        parent = others[0]
    if parent is None:
        parent = (transaction_id.parse(get(semconv.TRANSACTION_ID)), 0, None)
    aliases = [transaction_id.text(found[0]) for found in others if found[0] != parent[0]]
    told = sw8.parse(skywalking)
    if told is not None:
        aliases.append(told)
    return Incoming(*parent, state, alias, tuple(dict.fromkeys(aliases)), carried)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a request of ours takes along."""

    trace_id: int
    span_id: int
    flags: int
    tracestate: str = ""
    request_id: str | None = None


def headers(outgoing: Outgoing, present: Mapping[str, str]) -> dict[str, str]:
    """The headers to add to a request that has `present` (case-insensitive): never one the application set itself."""
    if "none" in _written:
        return {}
    own = w3c.parse(present.get(semconv.TRACEPARENT))
    added = {}
    if semconv.TRACEPARENT not in present and "tracecontext" in _written:
        added[semconv.TRACEPARENT] = w3c.traceparent(outgoing.trace_id, outgoing.span_id, outgoing.flags)
        if outgoing.tracestate and semconv.TRACESTATE not in present:
            added[semconv.TRACESTATE] = outgoing.tracestate
    if semconv.TRANSACTION_ID not in present:
        added[semconv.TRANSACTION_ID] = transaction_id.text(outgoing.trace_id if own is None else own[0])
    if outgoing.request_id and semconv.REQUEST_ID not in present:
        added[semconv.REQUEST_ID] = outgoing.request_id
    if own is None:
        added |= _others(outgoing)
    if "baggage" in _written:
        members = _members()
        if members and (text := baggage.text(members)):
            added[baggage.HEADER] = text
    return {name: value for name, value in added.items() if name not in present}


def _others(outgoing: Outgoing) -> dict[str, str]:
    """The formats besides W3C's that are asked for."""
    ids = outgoing.trace_id, outgoing.span_id, bool(outgoing.flags & 1)
    found = {b3.SINGLE: b3.single(*ids)} if "b3" in _written else {}
    if "b3multi" in _written:
        found |= b3.multi(*ids)
    if "jaeger" in _written:
        found[jaeger.HEADER] = jaeger.text(*ids)
    return found


def inject(outgoing: Outgoing, carrier: MutableMapping[str, str]) -> tuple[str, ...]:
    """Adds :func:`headers` to a case-insensitive mapping; the names added, so that they can be taken off again."""
    added = headers(outgoing, carrier)
    for name, value in added.items():
        carrier[name] = value
    return tuple(added)


def with_baggage(header: str) -> bool:
    """Puts a request's baggage into OpenTelemetry's current context, for who entered that context to leave again.
    Whether there was any."""
    members = baggage.parse(header)
    if not members:
        return False
    from opentelemetry import baggage as api

    here = otel.get_current()
    for key, value in members.items():
        here = api.set_baggage(key, value, here)
    otel.attach(here)
    return True


def _members() -> Mapping[str, object]:
    """The current context's baggage, without importing OpenTelemetry's API for it where nobody has used it."""
    api = sys.modules.get("opentelemetry.baggage")
    return {} if api is None else api.get_all()
