"""Carrying the transaction ID in and out: one file per header format, the order of precedence here.

In: every format is read. The first valid one of `traceparent`, `b3`, `x-b3-…` and `uber-trace-id` is the parent; else
`x-transaction-id` names the trace (a hop that copies only that header keeps the transaction together, without a
parent); else a new trace starts. The ids of the others, and `sw8`'s, become aliases. Bad headers are as good as none.
Out: `x-transaction-id`, `x-request-id` and what OTEL_PROPAGATORS names.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Reversible
from dataclasses import dataclass
from typing import Final, Protocol

from opentelemetry import context as otel

from weftline.agent import semconv
from weftline.agent.propagate import b3, baggage, jaeger, request_id, sw8, transaction_id, w3c

NAMES: Final = (
    semconv.TRACEPARENT, semconv.TRACESTATE, semconv.REQUEST_ID, baggage.HEADER, semconv.TRANSACTION_ID,
    b3.SINGLE, b3.TRACE_ID, jaeger.HEADER, sw8.HEADER, b3.SPAN_ID, b3.SAMPLED, b3.FLAGS,
)  # fmt: skip
"""The headers read, in lower case."""

_OURS: Final = frozenset(NAMES)
_RARE: Final = (baggage.HEADER, b3.SINGLE, b3.TRACE_ID, jaeger.HEADER, sw8.HEADER)
"""Headers that few requests have."""

_written: frozenset[str] = frozenset(("tracecontext", "baggage"))
_off = False
_OTHERS: Final = frozenset(("b3", "b3multi", "jaeger"))
_writes_w3c, _writes_baggage, _writes_others = True, True, False


def configure(propagators: Iterable[str]) -> None:
    """Which formats are written, besides ours. With `none` nothing is written and nothing read."""
    global _written, _off, _writes_w3c, _writes_baggage, _writes_others  # noqa: PLW0603 - a process has one agent
    _written = frozenset(propagators)
    _off, _writes_others = "none" in _written, not _written.isdisjoint(_OTHERS)
    _writes_w3c, _writes_baggage = "tracecontext" in _written, "baggage" in _written


@dataclass(slots=True)
class Incoming:
    """What a request brought. 0 stands for an id that didn't come; `flags` is None where no decision came with it.
    `aliases` are the trace ids of other systems; `baggage` is the header as it came.

    Not to be changed, but not frozen either: that costs five times as much to make."""

    trace_id: int = 0
    span_id: int = 0
    flags: int | None = None
    tracestate: str = ""
    request_id: str | None = None
    aliases: tuple[str, ...] = ()
    baggage: str = ""


Get = Callable[[str], str | None]


def extractor(spelled: Mapping[str, str]) -> Callable[[Get], Incoming]:
    """An :func:`extract` for carriers that spell header names in their own way: {name in lower case: the carrier's}.
    So that `get` can be the carrier's own: in every request most of :data:`NAMES` are looked up, and in vain.
    """
    a_traceparent, a_tracestate, a_request_id, a_baggage, a_transaction_id, a_single, a_several, an_uber, a_sw8, *_ = (
        spelled[name] for name in NAMES
    )

    def extract(get: Get) -> Incoming:
        """Reads a request's headers; a repeated header's values come joined by commas."""
        if _off:
            return Incoming()
        traceparent, alias, carried = get(a_traceparent), get(a_request_id), get(a_baggage) or ""
        single, several, uber, skywalking = get(a_single), get(a_several), get(an_uber), get(a_sw8)
        parent: tuple[int, int, int | None] | None = None if traceparent is None else w3c.parse(traceparent)
        state = "" if parent is None else get(a_tracestate) or ""
        if state:
            state = w3c.tracestate(state)
        if alias is not None:
            alias = request_id.parse(alias)
        if single is None and several is None and uber is None and skywalking is None:
            if parent is None:
                return Incoming(transaction_id.parse(get(a_transaction_id)), 0, None, "", alias, (), carried)
            trace_id, span_id, flags = parent
            return Incoming(trace_id, span_id, flags, state, alias, (), carried)
        many = b3.parse_multi(lambda name: get(spelled[name]))
        others = [found for found in (b3.parse(single), many, jaeger.parse(uber)) if found is not None]
        if parent is None and others:
            parent = others[0]
        if parent is None:
            parent = (transaction_id.parse(get(a_transaction_id)), 0, None)
        aliases = [transaction_id.text(found[0]) for found in others if found[0] != parent[0]]
        told = sw8.parse(skywalking)
        if told is not None:
            aliases.append(told)
        return Incoming(*parent, state, alias, tuple(dict.fromkeys(aliases)), carried)

    return extract


extract: Final = extractor({name: name for name in NAMES})
"""Reads a request's headers, by lower-case name; a repeated header's values come joined by commas."""


def reader(spelled: Mapping[str, str]) -> Callable[[dict[str, str]], Incoming]:
    """An :func:`extractor` for carriers that are dicts: what most requests don't have is looked for all at once."""
    a_traceparent, a_tracestate, a_request_id = (spelled[name] for name in NAMES[:3])
    rare = frozenset(spelled[name] for name in _RARE)
    extract_all, parse, new = extractor(spelled), w3c.parse, object.__new__

    def read(carrier: dict[str, str]) -> Incoming:
        """Reads a request's headers."""
        get = carrier.get
        parent = parse(get(a_traceparent))
        if parent is None or _off or not carrier.keys().isdisjoint(rare):
            return extract_all(get)
        made = new(Incoming)
        made.trace_id, made.span_id, made.flags = parent
        state, alias = get(a_tracestate), get(a_request_id)
        made.tracestate = w3c.tracestate(state) if state else ""
        made.request_id = request_id.parse(alias) if alias else None
        made.aliases = ()
        made.baggage = ""
        return made

    return read


read: Final = reader({name: name for name in NAMES})
"""Reads a dict of headers, by lower-case name."""


class Outgoing(Protocol):
    """The ids that a request of ours takes along: those of a span, or of a transaction."""

    trace_id: int
    span_id: int
    flags: int
    tracestate: str


def headers(outgoing: Outgoing, request_id: str | None, present: Mapping[str, str]) -> dict[str, str]:
    """The headers to add to a request that has `present` (case-insensitive): never one the application set itself."""
    if _off:
        return {}
    free = _is_free(present)
    theirs = None if free else present.get(semconv.TRACEPARENT)
    own = None if theirs is None else w3c.parse(theirs)
    trace_id = outgoing.trace_id
    added = {}
    if theirs is None and _writes_w3c:
        added[semconv.TRACEPARENT] = ours = w3c.traceparent(trace_id, outgoing.span_id, outgoing.flags)
        if outgoing.tracestate:
            added[semconv.TRACESTATE] = outgoing.tracestate
        added[semconv.TRANSACTION_ID] = ours[3:35]  # its trace id, which is worth not writing out once more
    else:
        added[semconv.TRANSACTION_ID] = transaction_id.text(trace_id if own is None else own[0])
    if request_id:
        added[semconv.REQUEST_ID] = request_id
    if _writes_others and own is None:
        added |= _others(outgoing)
    # OpenTelemetry's API for baggage isn't imported where nobody has used it
    if _writes_baggage and (api := sys.modules.get("opentelemetry.baggage")) is not None:
        members = api.get_all()
        if members and (text := baggage.text(members)):
            added[baggage.HEADER] = text
    if not free:
        for name in [name for name in added if name in present]:
            del added[name]
    return added


def _is_free(present: Mapping[str, str]) -> bool:
    """Whether a request has none of the headers that may be written. Told by going over its names once: looking one up
    that isn't there costs the client libraries' mappings as much as going over all."""
    try:
        return _OURS.isdisjoint(map(str.lower, present))
    except TypeError:  # names that aren't texts
        return False


def _others(outgoing: Outgoing) -> dict[str, str]:
    """The formats besides W3C's that are asked for."""
    ids = outgoing.trace_id, outgoing.span_id, bool(outgoing.flags & 1)
    found = {b3.SINGLE: b3.single(*ids)} if "b3" in _written else {}
    if "b3multi" in _written:
        found |= b3.multi(*ids)
    if "jaeger" in _written:
        found[jaeger.HEADER] = jaeger.text(*ids)
    return found


def inject(outgoing: Outgoing, request_id: str | None, carrier: MutableMapping[str, str]) -> Reversible[str]:
    """Adds :func:`headers` to a case-insensitive mapping; the names added, so that they can be taken off again."""
    added = headers(outgoing, request_id, carrier)
    for name, value in added.items():
        carrier[name] = value
    return added


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
