"""The current transaction, kept in OpenTelemetry's own context beside its current span.

Users' OpenTelemetry code, propagators and SDK spans therefore see the agent's spans as theirs, and the other way
round. A context is left by putting back what was there, never by a token from another context.
"""

import contextlib
from dataclasses import dataclass

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.context.context import Context

from weftline.agent.sample import SAMPLED

_SPAN_KEY = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
_TRANSACTION_KEY = "weftline-transaction"


@dataclass(slots=True)
class Transaction:
    """One request's facts that outlive its spans. `span_id` is its server span's, recorded or not; `parent_id` the
    span id that arrived, 0 if none did."""

    trace_id: int
    span_id: int
    flags: int
    parent_id: int = 0
    tracestate: str = ""
    request_id: str | None = None

    @property
    def sampled(self) -> bool:
        return bool(self.flags & SAMPLED)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a log record gets. `parent_id` is set only when the transaction was sampled out and no span will say it."""

    trace_id: int
    span_id: int
    flags: int
    parent_id: int = 0


def transaction() -> Transaction | None:
    """The transaction this code runs in, if it entered through the agent."""
    found = otel.get_current().get(_TRANSACTION_KEY)
    return found if isinstance(found, Transaction) else None


def current_span() -> trace.Span | None:
    """The current span, whoever made it."""
    span = otel.get_current().get(_SPAN_KEY)
    return span if isinstance(span, trace.Span) else None


def enter(span: trace.Span, entered: Transaction | None = None) -> Context:
    """Makes a span current, and its transaction if it begins one. Returns what to put back with :func:`leave`."""
    previous = otel.get_current()
    current = Context(previous)
    dict.__setitem__(current, _SPAN_KEY, span)  # Context forbids it to users; a copy per key costs twice
    if entered is not None:
        dict.__setitem__(current, _TRANSACTION_KEY, entered)
    otel.attach(current)
    return previous


def leave(previous: Context) -> None:
    """Puts back what :func:`enter` found. For entry points, which own their context whatever ran in it."""
    otel.attach(previous)


def leave_if_current(span: trace.Span, previous: Context) -> None:
    """Puts back what :func:`enter` found, unless something else has become current meanwhile and stayed."""
    if otel.get_current().get(_SPAN_KEY) is span:
        otel.attach(previous)


def mark(exception: BaseException) -> None:
    """Notes on an exception that leaves the agent's reach whose it is: the server logs it when nothing is current
    any more."""
    ids = stamp()
    if ids is not None:
        with contextlib.suppress(AttributeError, TypeError):  # an exception class may forbid new attributes
            exception.__weftline__ = (ids.trace_id, ids.span_id, ids.flags, ids.parent_id)  # type: ignore[attr-defined]


def marked(exception: BaseException) -> Stamp | None:
    """What :func:`mark` noted. Plain numbers: an exception may be pickled to where there is no agent."""
    noted = getattr(exception, "__weftline__", None)
    return Stamp(*noted) if isinstance(noted, tuple) else None


def stamp() -> Stamp | None:
    """The ids of whatever runs now: the current span's; of a transaction that was sampled out always its own, since
    spans inside it are never sent."""
    here = otel.get_current()
    entered = here.get(_TRANSACTION_KEY)
    if isinstance(entered, Transaction) and not entered.flags & SAMPLED:
        return Stamp(entered.trace_id, entered.span_id, entered.flags, entered.parent_id)
    span = here.get(_SPAN_KEY)
    if not isinstance(span, trace.Span):
        return None
    spoken = span.get_span_context()
    if not spoken.is_valid:
        return None
    return Stamp(spoken.trace_id, spoken.span_id, int(spoken.trace_flags))
