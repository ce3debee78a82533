"""The steps of every HTTP server plugin: a request enters, its route and status become known, it leaves.

A request that is sampled out takes the same way with a span that records nothing: its ids flow, its logs are sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from opentelemetry import trace
from opentelemetry.context.context import Context

from weftline.agent import context, events, http_headers, ids, semconv
from weftline.agent.propagate import Incoming, transaction_id, with_baggage
from weftline.agent.record import ERROR, SERVER, Identity, Span, exception_type
from weftline.agent.sample import SAMPLED, ByRoute, Decide, sampler

T = TypeVar("T")

decide: Decide = sampler("parentbased_always_on", 1.0)
"""The process's sampler; lifecycle.start sets it."""


_by_route: ByRoute | None = None


def use_sampler(chosen: Decide, by_route: ByRoute | None = None) -> None:
    """Sets the process's sampler, and the one that knows routes."""
    global decide, _by_route
    decide, _by_route = chosen, by_route


@dataclass(slots=True)
class Request:
    """A request being served: the token between a server plugin's `enter` and `leave`."""

    span: Identity
    previous: Context
    transaction_id: str
    """For the response's header."""
    status: int = 0


def begin(
    incoming: Incoming, library: str, describe: Callable[[T, dict[str, Any]], str], request: T, path: str = ""
) -> Request:
    """Lets a request enter. `describe` fills in the attributes and returns the method for the span's name; it is
    called only if the transaction is sampled. `path` is what the rules by route look at."""
    entered = transaction(incoming, path)
    span = _record(entered, library, describe, request) if entered.sampled else _identity(entered)
    return Request(span, enter(span, entered, incoming), transaction_id.text(entered.trace_id))


def transaction(incoming: Incoming, path: str = "") -> context.Transaction:
    """The transaction of a request or a message: the one that came with it, else a new one; whether it is sampled."""
    flags = incoming.flags
    if incoming.trace_id:
        trace_id = incoming.trace_id
        known = 0 if flags is None else flags & ids.RANDOM_FLAG
    else:
        trace_id, known = ids.trace_id(), ids.RANDOM_FLAG
    sampled = _by_route(path, trace_id, flags) if _by_route is not None and path else decide(trace_id, flags)
    return context.Transaction(
        trace_id=trace_id,
        span_id=ids.span_id(),
        flags=known | SAMPLED if sampled else known,
        parent_id=incoming.span_id,
        tracestate=incoming.tracestate,
        request_id=incoming.request_id,
    )


def enter(span: Identity, entered: context.Transaction, incoming: Incoming) -> Context:
    """Makes a transaction current with the baggage and the aliases that came with it. Returns what to put back."""
    previous = context.enter(span, entered)
    if incoming.baggage:
        with_baggage(incoming.baggage)
    for name in incoming.aliases:
        events.alias(name)  # each a log record: they arrive also when the transaction is sampled out
    return previous


def route(template: str, span: Identity | None) -> None:
    """Notes the route that was matched, on a server span."""
    if isinstance(span, Span) and template and "http.route" not in span.attributes:
        span.set_attribute("http.route", template)
        span.update_name(f"{span.name.partition(' ')[0]} {template}")


def failed(exception: BaseException) -> None:
    """Notes an exception the framework turns into a response, on the current server span."""
    span = server_span()
    if span is not None:
        span.record_exception(exception)
        span.set_attribute("error.type", exception_type(exception))


def server_span() -> Span | None:
    """The current span, if it is a recording server span of ours."""
    span: trace.Span | None = context.current_span()
    return span if isinstance(span, Span) and span.kind == SERVER else None


def finish(request: Request, exception: BaseException | None = None) -> None:
    """Lets the request leave: its context is put back, its span ended."""
    if exception is not None:
        context.mark(exception)
    entered = context.transaction()
    context.leave(request.previous)
    context.served(entered)
    span = request.span
    if not isinstance(span, Span):
        return
    if request.status:
        span.set_attribute("http.response.status_code", request.status)
    if exception is not None:
        span.record_exception(exception)
        span.set_attribute("error.type", exception_type(exception))
        span.status = ERROR
    elif request.status >= 500:
        if "error.type" not in span.attributes:
            span.set_attribute("error.type", str(request.status))
        span.status = ERROR
    span.end()


def _record(
    entered: context.Transaction, library: str, describe: Callable[[T, dict[str, Any]], str], request: T
) -> Span:
    attributes: dict[str, Any] = {}
    name = describe(request, attributes)
    if http_headers.server_request is not None:
        http_headers.server_request.note(attributes, http_headers.received(request))
    if entered.request_id is not None:
        attributes[semconv.REQUEST_ID_ATTRIBUTE] = (entered.request_id,)
    return Span(
        name,
        SERVER,
        library,
        attributes,
        trace_id=entered.trace_id,
        span_id=entered.span_id,
        parent_id=entered.parent_id,
        remote_parent=bool(entered.parent_id),
        flags=entered.flags,
        tracestate=entered.tracestate,
        scope="http.server",
    )


def _identity(entered: context.Transaction) -> Identity:
    return Identity(entered.trace_id, entered.span_id, entered.flags, entered.tracestate, "http.server")
