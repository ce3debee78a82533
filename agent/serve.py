"""The steps of every HTTP server plugin: a request enters, its route and status become known, it leaves.

A request that is sampled out takes the same way with a span that records nothing: its ids flow, its logs are sent.
"""

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar

from weftline.agent import context, events, http_headers, ids, semconv
from weftline.agent.context import Transaction, attach, enter
from weftline.agent.ids import bits
from weftline.agent.propagate import Incoming, transaction_id, with_baggage
from weftline.agent.record import ERROR, SERVER, Identity, Span, exception_type
from weftline.agent.sample import SAMPLED, ByRoute, Decide, sampler

T = TypeVar("T")

SCOPE: Final = "http.server"

_TAKEN_OVER: Final = SAMPLED | ids.RANDOM_FLAG
_new: Final = object.__new__
"""What every request needs is made without calling its class, which costs as much again as filling it in."""

decide: Decide = sampler("parentbased_always_on", 1.0)
"""The process's sampler; lifecycle.start sets it."""


by_route: ByRoute | None = None
"""The sampler that knows routes; without one nobody need work out a request's path for :func:`begin`."""
_followed = True


def use_sampler(chosen: Decide, rules: ByRoute | None = None, *, followed: bool = False) -> None:
    """Sets the process's sampler, and the one that knows routes. `followed`: it takes over every caller's decision."""
    global decide, by_route, _followed
    decide, by_route, _followed = chosen, rules, followed and rules is None


def begin(
    incoming: Incoming, library: str, describe: Callable[[T, dict[str, Any]], str], request: T, path: str = ""
) -> Transaction:
    """Lets a request enter. `describe` fills in the attributes and returns the method for the span's name; it is
    called only if the transaction is sampled. `path` is what the rules by route look at."""
    entered = transaction(incoming, path, SCOPE)
    span: Span | None = None
    if entered.flags & SAMPLED:
        attributes: dict[str, Any] = {}
        name = describe(request, attributes)
        if http_headers.server_request is not None:
            http_headers.server_request.note(attributes, http_headers.received(request))
        if entered.request_id is not None:
            attributes[semconv.REQUEST_ID_ATTRIBUTE] = (entered.request_id,)
        entered.span = span = Span(
            name, SERVER, library, attributes, entered.trace_id, entered.span_id, entered.parent_id, entered.flags,
            entered.tracestate, SCOPE, entered.parent_id != 0,
        )  # fmt: skip
    entered.previous = enter(span or entered, entered)
    if incoming.baggage or incoming.aliases:
        bring(incoming)
    return entered


def transaction(incoming: Incoming, path: str = "", scope: str = "") -> Transaction:
    """The transaction of a request or a message: the one that came with it, else a new one; whether it is sampled.
    `scope` is its span's."""
    flags = incoming.flags
    trace_id = incoming.trace_id
    made = _new(Transaction)
    if flags is not None and _followed:
        made.flags = flags & _TAKEN_OVER
    else:
        if trace_id:
            known = 0 if flags is None else flags & ids.RANDOM_FLAG
        else:
            trace_id, known = ids.trace_id(), ids.RANDOM_FLAG
        sampled = decide(trace_id, flags) if by_route is None or not path else by_route(path, trace_id, flags)
        made.flags = known | SAMPLED if sampled else known
    made.trace_id = trace_id
    made.span_id = bits(64) or 1  # as ids.span_id() does, without a call of its own
    made.parent_id = incoming.span_id
    made.tracestate = incoming.tracestate
    made.request_id = incoming.request_id
    made.scope = scope
    made.stamp = None
    made.span = None
    made.status = 0
    return made


def response_id(request: Transaction) -> str:
    """The transaction ID for the response's header; empty when the request was withdrawn."""
    return "" if request.withdrawn else transaction_id.text(request.trace_id)


def bring(incoming: Incoming) -> None:
    """Gives the transaction that has just become current the baggage and the aliases that came with it."""
    if incoming.baggage:
        with_baggage(incoming.baggage)
    for name in incoming.aliases:
        events.alias(name)  # each a log record: they arrive also when the transaction is sampled out


def route(template: str, span: Identity | None) -> None:
    """Notes the route that was matched, on a server span."""
    if type(span) is Span and template and not span.end_ns and "http.route" not in span.attributes:
        span.attributes["http.route"] = template
        span.name = _named(span.name, template)


@functools.lru_cache(maxsize=512)
def _named(name: str, template: str) -> str:
    """A span's name with its route. The same text each time, so that its hash is worked out once."""
    return f"{name.partition(' ')[0]} {template}"


def failed(exception: BaseException) -> None:
    """Notes an exception the framework turns into a response, on the current server span."""
    span = server_span()
    if span is not None:
        span.record_exception(exception)
        span.set_attribute("error.type", exception_type(exception))


def server_span() -> Span | None:
    """The current span, if it is a recording server span of ours."""
    span = context.current().get(context.SPAN_KEY)
    return span if type(span) is Span and span.kind == SERVER else None


def finish(request: Transaction, exception: BaseException | None = None) -> None:
    """Lets the request leave: its context is put back, its span ended."""
    if exception is not None:
        context.mark(exception)
    attach(request.previous)
    span = request.span
    if span is None or span.end_ns:  # sampled out; or the application has ended it
        return
    status = request.status
    if status:
        span.attributes["http.response.status_code"] = status
    if exception is not None:
        span.record_exception(exception)
        span.set_attribute("error.type", exception_type(exception))
        span.status = ERROR
    elif status >= 500:
        if "error.type" not in span.attributes:
            span.set_attribute("error.type", str(status))
        span.status = ERROR
    span.end()
