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

SPAN_KEY = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
TRANSACTION_KEY = "weftline-transaction"
SERVED_KEY = "weftline-served"


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
    """The ids that speak for a place in the program. `parent_id` is set only when the transaction was sampled out
    and no span will say it."""

    trace_id: int
    span_id: int
    flags: int
    parent_id: int = 0


@dataclass(slots=True)
class _Served:
    """What a server's loop served last: see :func:`serving`."""

    transaction: Transaction | None = None


def transaction() -> Transaction | None:
    """The transaction this code runs in, if it entered through the agent."""
    return _transaction(otel.get_current())


def _transaction(here: Context) -> Transaction | None:
    found = here.get(TRANSACTION_KEY)
    if isinstance(found, Transaction):
        return found
    served = here.get(SERVED_KEY)
    return served.transaction if isinstance(served, _Served) else None


def serving() -> Context:
    """Opens the context of a server handling one request, for :func:`leave` to close. A WSGI server sends the body
    and writes its access log when the application has returned: both still belong to the request."""
    previous = otel.get_current()
    current = Context(previous)
    dict.__setitem__(current, SERVED_KEY, _Served())
    otel.attach(current)
    return previous


def served(entered: Transaction | None) -> None:
    """Tells the server around, if it opened a context, what it has just served."""
    server = otel.get_current().get(SERVED_KEY)
    if isinstance(server, _Served):
        server.transaction = entered


def current_span() -> trace.Span | None:
    """The current span, whoever made it."""
    span = otel.get_current().get(SPAN_KEY)
    return span if isinstance(span, trace.Span) else None


def enter(span: trace.Span, entered: Transaction | None = None) -> Context:
    """Makes a span current, and its transaction if it begins one. Returns what to put back with :func:`leave`."""
    previous = otel.get_current()
    current = Context(previous)
    dict.__setitem__(current, SPAN_KEY, span)  # Context forbids it to users; a copy per key costs twice
    if entered is not None:
        dict.__setitem__(current, TRANSACTION_KEY, entered)
    otel.attach(current)
    return previous


def leave(previous: Context) -> None:
    """Puts back what :func:`enter` found. For entry points, which own their context whatever ran in it."""
    otel.attach(previous)


def leave_if_current(span: trace.Span, previous: Context) -> None:
    """Puts back what :func:`enter` found, unless something else has become current meanwhile and stayed."""
    if otel.get_current().get(SPAN_KEY) is span:
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
    """The ids of whatever runs now: the current span's, or the transaction's own where the current span is one that
    is never sent (the transaction was sampled out, or the application's SDK dropped the span)."""
    here = otel.get_current()
    span, entered = here.get(SPAN_KEY), _transaction(here)
    spoken = span.get_span_context() if isinstance(span, trace.Span) else trace.INVALID_SPAN_CONTEXT
    if entered is not None:
        if not entered.sampled:
            return Stamp(entered.trace_id, entered.span_id, entered.flags, entered.parent_id)
        if not spoken.is_valid or (entered.trace_id == spoken.trace_id and not spoken.trace_flags & SAMPLED):
            return Stamp(entered.trace_id, entered.span_id, entered.flags)
    return Stamp(spoken.trace_id, spoken.span_id, int(spoken.trace_flags)) if spoken.is_valid else None
