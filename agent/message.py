"""The steps of every messaging plugin: a message leaves with our headers and is acknowledged; a message is taken in
hand, is the current transaction while it is worked on, and is put down.

A message continues the transaction that sent it. One without headers of ours begins a transaction. What was current
around a consumer (a request that drains a queue) is linked and put back afterwards.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context.context import Context

from weftline.agent import context, foreign, ids, propagate, semconv, serve
from weftline.agent.parent import parent_of
from weftline.agent.propagate import Incoming, w3c
from weftline.agent.record import ERROR, Identity, Span, exception_type

PRODUCER: Final = 4
CONSUMER: Final = 5
"""Kinds as OTLP numbers them."""

SCOPE: Final = "messaging"


@dataclass(slots=True)
class Sending:
    """A message under way: the token between a producer plugin's steps. `span` is None when none is recorded."""

    span: Span | None = None
    identity: Identity | None = None
    previous: Context | None = None


def send(
    library: str,
    system: str,
    operation: str,
    destination: str,
    present: Mapping[str, str],
    *,
    traced: bool = False,
    subject: str = "",
) -> tuple[Sending, dict[str, str]]:
    """Lets a message leave, and makes its span current until :func:`left`. `present` are the headers it has, by
    lower-case name; the headers to add come back. With `traced` somebody else makes the span. `subject` says in the
    span's name what the message is, where the destination says nothing."""
    if foreign.suppressed():
        return Sending(), {}
    current, entered = context.current_span(), context.transaction()
    request_id = entered.request_id if entered is not None else None
    if traced:
        spoken = current.get_span_context() if current is not None else trace.INVALID_SPAN_CONTEXT
        if not spoken.is_valid:
            return Sending(), {}
        state = spoken.trace_state.to_header()
        outgoing = Identity(spoken.trace_id, spoken.span_id, int(spoken.trace_flags), state)
        return Sending(), propagate.headers(outgoing, request_id, present)
    if entered is not None and not entered.sampled:  # no new span id: nobody would ever hear of it
        return Sending(), propagate.headers(entered, request_id, present)
    parent = parent_of(current)
    trace_id, span_id, state = parent.trace_id, ids.span_id(), parent.tracestate
    span: Span | None = None
    if parent.sampled:
        span = Span(
            f"{operation} {subject or destination}", PRODUCER, library,
            _attributes(system, operation, "send", destination),
            trace_id=trace_id, span_id=span_id, parent_id=parent.span_id,
            flags=parent.flags, tracestate=state, scope=SCOPE,
        )  # fmt: skip
    identity = span or Identity(trace_id, span_id, parent.flags, state, SCOPE)
    added = propagate.headers(identity, request_id, present)
    return Sending(span, identity, context.enter(identity)), added


def left(sending: Sending) -> None:
    """The producer's call has returned: what was current before is current again. The span goes on."""
    if sending.identity is not None and sending.previous is not None:
        context.leave_if_current(sending.identity, sending.previous)


def sent(sending: Sending, attributes: Mapping[str, Any] | None = None) -> None:
    """The broker has the message."""
    if sending.span is not None:
        if attributes:
            sending.span.set_attributes(attributes)
        sending.span.end()


def failed(sending: Sending, exception: BaseException) -> None:
    """The message didn't arrive."""
    if sending.span is not None:
        broke(sending.span, exception)
        sending.span.end()


def not_sent(sending: Sending | None, exception: BaseException) -> None:
    """Error advice of a producer's `send`: it failed by itself, or was cancelled."""
    if sending is not None:
        left(sending)
        failed(sending, exception)


def broke(span: Identity | None, exception: BaseException) -> None:
    """Notes what went wrong on a message's span."""
    if isinstance(span, Span):
        span.record_exception(exception)
        span.set_attribute("error.type", exception_type(exception))
        span.status = ERROR


def is_forwarded(present: Mapping[str, str]) -> bool:
    """Whether a message's headers are those of the message being worked on, handed on by the application (a retry,
    a router): then ours take their place, since its producer is this transaction and not the one before."""
    entered = context.transaction()
    if entered is None or not entered.parent_id:
        return False
    parent = w3c.parse(present.get(semconv.TRACEPARENT))
    return parent is not None and parent[:2] == (entered.trace_id, entered.parent_id)


@dataclass(slots=True)
class Handling:
    """A message in hand: from :func:`take` until :func:`put_down`."""

    span: Identity
    entered: context.Transaction
    previous: Context


def take(
    library: str,
    system: str,
    destination: str,
    incoming: Incoming,
    describe: Callable[[dict[str, Any]], None],
    *,
    subject: str = "",
) -> Handling:
    """Takes a message in hand: its transaction is current until it is put down. `describe` fills in the attributes;
    it is called only if the transaction is sampled."""
    around = context.current_span()
    entered = serve.transaction(incoming, scope=SCOPE)
    span: Identity = entered
    if entered.sampled:
        attributes = _attributes(system, "process", "process", destination)
        describe(attributes)
        span = Span(
            f"process {subject or destination}", CONSUMER, library, attributes,
            trace_id=entered.trace_id, span_id=entered.span_id, parent_id=entered.parent_id,
            remote_parent=bool(entered.parent_id), flags=entered.flags, tracestate=entered.tracestate, scope=SCOPE,
        )  # fmt: skip
        if around is not None and around.get_span_context().span_id != entered.parent_id:
            span.add_link(around.get_span_context())
    previous = context.enter(span, entered)
    serve.bring(incoming)
    return Handling(span, entered, previous)


def sort(incoming: Incoming) -> Context | None:
    """A message goes through hands that don't work on it: what is logged belongs to where it was sent. Returns what
    to put back with :func:`weftline.agent.context.leave`; None for a message without headers of ours."""
    if not incoming.trace_id or not incoming.span_id:
        return None
    flags = incoming.flags or 0
    sender = Identity(incoming.trace_id, incoming.span_id, flags, incoming.tracestate, SCOPE)
    entered = context.Transaction(
        incoming.trace_id, incoming.span_id, flags, tracestate=incoming.tracestate, request_id=incoming.request_id
    )
    return context.enter(sender, entered)


def put_down(handling: Handling, exception: BaseException | None = None) -> None:
    """Puts a message down: what was current before is again, wherever this still is the current transaction; the span
    is ended."""
    span = handling.span
    if exception is not None:
        context.mark(exception)
        broke(span, exception)
    if context.transaction() is handling.entered:
        context.leave(handling.previous)
    span.end()


def _attributes(system: str, operation: str, kind: str, destination: str) -> dict[str, Any]:
    return {
        "messaging.system": system,
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "messaging.destination.name": destination,
    }
