"""Whose child is what leaves the program: a call, a query, a message; and whether it is a layer's second. The one
place that decides it."""

import functools
from typing import Final, NamedTuple

from opentelemetry import trace

from weftline.agent import context, ids, serve
from weftline.agent.record import Ids, Span
from weftline.agent.sample import SAMPLED


class Parent(NamedTuple):
    """`span_id` is 0 where a trace begins here. `flags` say whether what leaves gets a span."""

    trace_id: int
    span_id: int
    flags: int
    tracestate: str

    @property
    def sampled(self) -> bool:
        return bool(self.flags & SAMPLED)


_of_tuple: Final = functools.partial(tuple.__new__, Parent)
"""A :class:`Parent` without calling the class, whose own function in Python does just this."""


def is_within(current: trace.Span | None, scope: str) -> bool:
    """Whether a layer has begun its one span already: what leaves now is a library's that another is built on."""
    return isinstance(current, Ids) and current.scope == scope


def parent_of(current: trace.Span | None) -> Parent:
    """The current span's ids, or those that speak for it; of a new trace where there are none."""
    if type(current) is Span:  # ours, and so sampled: its ids are at hand
        return _of_tuple((current.trace_id, current.span_id, current.flags, current.tracestate))
    stamp = context.stamp()
    if stamp is not None:
        state = current.get_span_context().trace_state.to_header() if current is not None else ""
        return Parent(stamp.trace_id, stamp.span_id, stamp.flags, state)
    trace_id = ids.trace_id()
    return Parent(trace_id, 0, ids.RANDOM_FLAG | (SAMPLED if serve.decide(trace_id, None) else 0), "")
