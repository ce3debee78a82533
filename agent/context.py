"""The current transaction, kept in OpenTelemetry's own context beside its current span.

Users' OpenTelemetry code, propagators and SDK spans therefore see the agent's spans as theirs, and the other way
round. A context is left by putting back what was there, never by a token from another context.
"""

import contextlib
from collections.abc import Callable
from contextvars import ContextVar

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.context.context import Context

from weftline.agent.record import Identity, Ids, Span, Stamp
from weftline.agent.sample import SAMPLED

SPAN_KEY = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
TRANSACTION_KEY = "weftline-transaction"


def _variable() -> tuple[Callable[[], Context], Callable[[Context], object]]:
    """How the current context is read and set. OpenTelemetry keeps it in a context variable, unless OTEL_PYTHON_CONTEXT
    names something else; asked for directly, the variable answers three times as fast."""
    kept = getattr(getattr(otel, "_RUNTIME_CONTEXT", None), "_current_context", None)
    return (kept.get, kept.set) if isinstance(kept, ContextVar) else (otel.get_current, otel.attach)


current, attach = _variable()


NOTHING = Context()
"""Where nothing is current."""


class Transaction(Identity):
    """One request or message, and what outlives its spans. `span_id` is its server span's, recorded or not;
    `parent_id` the span id that arrived, 0 if none did. Sampled out, it is itself the current span: nothing else is
    made. It is also the token between a server plugin's `enter` and `leave`: one object less for every request."""

    __slots__ = ("parent_id", "previous", "request_id", "span", "status")

    span: Span | None
    """The server span, if it is recorded."""
    previous: Context
    """What was current before it entered; set when it enters."""
    status: int
    """Its response's, 0 until that is known."""
    withdrawn: bool = False
    """Somebody else makes this request's span."""

    def __init__(  # noqa: PLR0917 - one is made for every request: keywords cost as much as all the rest
        self,
        trace_id: int,
        span_id: int,
        flags: int,
        parent_id: int = 0,
        tracestate: str = "",
        request_id: str | None = None,
        scope: str = "",
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.flags = flags
        self.tracestate = tracestate
        self.scope = scope
        self.stamp = None
        self.parent_id = parent_id
        self.request_id = request_id
        self.span = None
        self.previous = NOTHING
        self.status = 0

    @property
    def sampled(self) -> bool:
        return bool(self.flags & SAMPLED)


def transaction() -> Transaction | None:
    """The transaction this code runs in, if it entered through the agent."""
    found = current().get(TRANSACTION_KEY)
    return found if type(found) is Transaction else None


def current_span() -> trace.Span | None:
    """The current span, whoever made it."""
    span = current().get(SPAN_KEY)
    if type(span) is Span or type(span) is Transaction:  # the usual ones: trace.Span's isinstance is slow
        return span
    return span if isinstance(span, trace.Span) else None


def enter(span: trace.Span, entered: Transaction | None = None) -> Context:
    """Makes a span current, and its transaction if it begins one. Returns what to put back with :func:`leave`."""
    previous = current()
    if entered is None:
        attach(Context({**previous, SPAN_KEY: span}))
    elif previous:
        attach(Context({**previous, SPAN_KEY: span, TRANSACTION_KEY: entered}))
    else:
        attach(Context({SPAN_KEY: span, TRANSACTION_KEY: entered}))
    return previous


def leave(previous: Context) -> None:
    """Puts back what :func:`enter` found. For entry points, which own their context whatever ran in it."""
    attach(previous)


def leave_if_current(span: trace.Span, previous: Context) -> None:
    """Puts back what :func:`enter` found, unless something else has become current meanwhile and stayed."""
    if current().get(SPAN_KEY) is span:
        attach(previous)


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
    here = current()
    span, entered = here.get(SPAN_KEY), here.get(TRANSACTION_KEY)
    if type(entered) is not Transaction:
        entered = None
    if type(span) is Span and (entered is None or entered.flags & SAMPLED):
        return span.stamp or _of(span)
    if entered is None:
        return _of(span)
    if not entered.flags & SAMPLED:
        return entered.stamp or _of_transaction(entered)
    spoken = span.get_span_context() if isinstance(span, trace.Span) else trace.INVALID_SPAN_CONTEXT
    if not spoken.is_valid or (entered.trace_id == spoken.trace_id and not spoken.trace_flags & SAMPLED):
        return _of_transaction(entered)
    return _of(span)


def _of(span: object) -> Stamp | None:
    """A span's own ids; None for no span."""
    if isinstance(span, Ids):
        if span.stamp is None and span.trace_id and span.span_id:
            span.stamp = Stamp(span.trace_id, span.span_id, span.flags)
        return span.stamp
    if not isinstance(span, trace.Span):
        return None
    spoken = span.get_span_context()
    return Stamp(spoken.trace_id, spoken.span_id, int(spoken.trace_flags)) if spoken.is_valid else None


def _of_transaction(entered: Transaction) -> Stamp:
    if entered.stamp is None:
        parent_id = 0 if entered.flags & SAMPLED else entered.parent_id
        entered.stamp = Stamp(entered.trace_id, entered.span_id, entered.flags, parent_id)
    return entered.stamp
