"""Taking the current transaction along where Python does not: to other threads, greenlets and processes.

Within the process the context itself travels, and a span that has ended by the time it is needed is stood for by its
ids. To other processes plain numbers travel, so that they can be unpickled where there is no agent.
"""

import contextvars
from collections.abc import Callable
from typing import Any

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.context.context import Context

from weftline.agent import context
from weftline.agent.record import Identity, Span

Packed = tuple[int, int, int, int, int, str, str | None]
"""Trace id, current span's id, flags, the server span's id and its parent's, tracestate, x-request-id."""


def capture() -> Context | None:
    """What this code runs in; None when it is nothing worth taking along."""
    here = otel.get_current()
    return here or None


def arrive(captured: Context) -> Context:
    """Makes what was captured current. Returns what to put back with :func:`weftline.agent.context.leave`."""
    previous = otel.get_current()
    otel.attach(ended_stood_for(captured))
    return previous


def depart(previous: Context | None) -> None:
    """Puts back what :func:`arrive` found; nothing for None."""
    if previous is not None:
        context.leave(previous)


def ended_stood_for(captured: Context) -> Context:
    """The context with its span replaced by the span's ids, if the span has ended."""
    span = captured.get(context.SPAN_KEY)
    if not isinstance(span, Span) or span.is_recording():
        return captured
    return _with_span(captured, Identity(span.trace_id, span.span_id, span.flags, span.tracestate))


def in_forked_child() -> None:
    """After a fork the live span is the parent's to end; the child keeps its ids."""
    here = otel.get_current()
    span = here.get(context.SPAN_KEY)
    if isinstance(span, Span):
        otel.attach(_with_span(here, Identity(span.trace_id, span.span_id, span.flags, span.tracestate)))


def pack() -> Packed | None:
    """What this code runs in, for another process."""
    ids, entered = context.stamp(), context.transaction()
    if ids is None:
        return None
    span = context.current_span()
    if isinstance(span, Identity) and span.trace_id == ids.trace_id:
        state = span.tracestate
    else:
        state = entered.tracestate if entered is not None else ""
    if entered is None or entered.trace_id != ids.trace_id:
        return ids.trace_id, ids.span_id, ids.flags, 0, 0, state, None
    return ids.trace_id, ids.span_id, ids.flags, entered.span_id, entered.parent_id, state, entered.request_id


def unpack(packed: Packed) -> Context:
    """The context of :func:`pack`, in the process it was sent to."""
    trace_id, span_id, flags, server_id, parent_id, state, request_id = packed
    made = _with_span(Context(), Identity(trace_id, span_id, flags, state))
    if server_id:
        entered = context.Transaction(trace_id, server_id, flags, parent_id, state, request_id)
        dict.__setitem__(made, context.TRANSACTION_KEY, entered)
    return made


def for_greenlet(captured: Context) -> contextvars.Context:
    """A context of its own for a greenlet, which otherwise starts with an empty one; nothing else is in it."""
    fresh = contextvars.Context()
    fresh.run(arrive, captured)
    return fresh


class Carried:
    """A function that goes to another process together with :func:`pack`'s numbers."""

    __slots__ = ("function", "packed")

    def __init__(self, function: Callable[..., Any], packed: Packed) -> None:
        self.function = function
        self.packed = packed

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        previous = otel.get_current()
        otel.attach(unpack(self.packed))
        try:
            return self.function(*args, **kwargs)
        finally:
            context.leave(previous)


def carried(function: Callable[..., Any]) -> tuple[Callable[..., Any], None]:
    """Advice for functions that send a function to other processes: the function with the current ids."""
    packed = pack()
    return (function, None) if packed is None else (Carried(function, packed), None)


def _with_span(here: Context, span: trace.Span) -> Context:
    made = Context(here)
    dict.__setitem__(made, context.SPAN_KEY, span)
    return made
