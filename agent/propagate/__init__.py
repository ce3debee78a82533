"""Carrying the transaction ID in and out: one file per header format, the order of precedence here.

In: a valid `traceparent` wins; else `x-transaction-id` names the trace (a hop that copies only that header keeps the
transaction together, without a parent); else nothing, and a new trace starts. Bad headers are as good as none.
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Final

from weftline.agent import semconv
from weftline.agent.propagate import request_id, transaction_id, w3c

NAMES: Final = (semconv.TRACEPARENT, semconv.TRACESTATE, semconv.REQUEST_ID, semconv.TRANSACTION_ID)
"""The headers read, in lower case."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a request brought. 0 stands for an id that didn't come; `flags` is None without a parent."""

    trace_id: int = 0
    span_id: int = 0
    flags: int | None = None
    tracestate: str = ""
    request_id: str | None = None


def extract(get: Callable[[str], str | None]) -> Incoming:
    """Reads a request's headers, by lower-case name; a repeated header's values come joined by commas."""
    alias = request_id.parse(get(semconv.REQUEST_ID))
    parent = w3c.parse(get(semconv.TRACEPARENT))
    if parent is not None:
        return Incoming(*parent, tracestate=w3c.tracestate(get(semconv.TRACESTATE)), request_id=alias)
    return Incoming(trace_id=transaction_id.parse(get(semconv.TRANSACTION_ID)), request_id=alias)


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
    own = w3c.parse(present.get(semconv.TRACEPARENT))
    added = {}
    if semconv.TRACEPARENT not in present:
        added[semconv.TRACEPARENT] = w3c.traceparent(outgoing.trace_id, outgoing.span_id, outgoing.flags)
        if outgoing.tracestate and semconv.TRACESTATE not in present:
            added[semconv.TRACESTATE] = outgoing.tracestate
    if semconv.TRANSACTION_ID not in present:
        added[semconv.TRANSACTION_ID] = transaction_id.text(outgoing.trace_id if own is None else own[0])
    if outgoing.request_id and semconv.REQUEST_ID not in present:
        added[semconv.REQUEST_ID] = outgoing.request_id
    return added


def inject(outgoing: Outgoing, carrier: MutableMapping[str, str]) -> tuple[str, ...]:
    """Adds :func:`headers` to a case-insensitive mapping; the names added, so that they can be taken off again."""
    added = headers(outgoing, carrier)
    for name, value in added.items():
        carrier[name] = value
    return tuple(added)
