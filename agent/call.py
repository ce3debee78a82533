"""The steps of every HTTP client plugin: a request leaves with our headers, its answer comes, the headers are taken
off again.

They are taken off so that a request object that is sent twice (a redirect copies it, an application may keep it)
carries the ids of each sending, and looks to the application as it made it.
"""

from collections.abc import Callable, Mapping, MutableMapping, Reversible
from typing import Any, Final, TypeVar

from opentelemetry import trace
from opentelemetry.context.context import Context

from weftline.agent import context, http_attributes, http_headers, ids
from weftline.agent.context import SPAN_KEY, TRANSACTION_KEY, Transaction
from weftline.agent.parent import parent_of
from weftline.agent.propagate import inject
from weftline.agent.record import CLIENT, ERROR, Identity, Ids, Span, exception_type
from weftline.agent.sample import SAMPLED

T = TypeVar("T")

DATABASE: Final = "db.client"
"""The scope of a query's span (query.py), which stands for the HTTP calls below it."""

SCOPE = "http.client"
_SHORTEST: Final = len("http://x")
"""Characters of an HTTP URL in which its path can't begin."""
_new: Final = object.__new__


class Call:
    """A call under way: the token between a client plugin's `enter` and `leave`. `span` is None when none is made."""

    __slots__ = ("added", "headers", "previous", "span")

    headers: MutableMapping[str, str]
    added: Reversible[str]
    span: Identity | None
    previous: Context | None


def begin(
    library: str, method: str, url: object, headers: MutableMapping[str, str], traced: bool = False
) -> Call | None:
    """Lets a request leave. `headers` is changed in place. With `traced` somebody else makes the span, and only
    headers are added. None when a layer above has done all this (a client built on another). `url` is a text, or gives
    it when it is recorded."""
    return depart(library, _describe_http, (method, url), headers, SCOPE, traced)


def depart(  # noqa: PLR0917 - called for every request: keywords cost twice as much
    library: str,
    describe: Callable[[T, dict[str, Any]], str],
    request: T,
    headers: MutableMapping[str, str],
    scope: str,
    traced: bool = False,
) -> Call | None:
    """What :func:`begin` does, for any protocol with headers: `describe` fills in the attributes of `request` and
    returns the span's name; it is called only if there is a span. `scope` is the layer that makes one span."""
    here = context.current()
    current, entered = here.get(SPAN_KEY), here.get(TRANSACTION_KEY)
    if type(current) is not Span and type(current) is not Transaction:  # else one of the usual ones
        current = context.current_span()
    if type(entered) is not Transaction:
        entered = None
    within = current.scope if isinstance(current, Ids) else ""
    if within == scope:
        return None
    if traced or within == DATABASE:  # a database spoken to over HTTP
        return _carry(current, entered, headers)
    request_id = None
    if entered is not None:
        request_id = entered.request_id
        if not entered.flags & SAMPLED:  # no new span id: nobody would ever hear of it
            return _under_way(headers, inject(entered, request_id, headers), None, None)
    trace_id, parent_id, flags, state = parent_of(current)
    span_id = ids.span_id()
    if flags & SAMPLED:
        attributes: dict[str, Any] = {}
        name = describe(request, attributes)
        if http_headers.client_request is not None and scope == SCOPE:
            http_headers.client_request.note(attributes, headers.items())
        span: Identity = Span(
            name, CLIENT, library, attributes, trace_id, span_id, parent_id, flags, state, scope,
        )  # fmt: skip
    else:
        span = Identity(trace_id, span_id, flags, state, scope)
    return _under_way(headers, inject(span, request_id, headers), span, context.enter(span))


def _under_way(
    headers: MutableMapping[str, str], added: Reversible[str], span: Identity | None, previous: Context | None
) -> Call:
    made = _new(Call)  # without calling the class, which costs as much again as filling it in
    made.headers = headers
    made.added = added
    made.span = span
    made.previous = previous
    return made


def answered(call: Call | None, status: int, headers: Mapping[str, str] | None = None) -> None:
    """Lets the answer in; `headers` are its own."""
    if call is None:
        return
    put_back(call)
    span = call.span
    if span is not None and type(span) is Span:
        if not span.end_ns:
            span.attributes["http.response.status_code"] = status
        if http_headers.client_response is not None and headers is not None:
            http_headers.client_response.note(span.attributes, headers.items())
        if status >= 400:
            span.set_attribute("error.type", str(status))
            span.status = ERROR
        span.end()


def failed(call: Call | None, exception: BaseException) -> None:
    """Ends a call that brought no answer."""
    if call is None:
        return
    put_back(call)
    span = call.span
    if type(span) is Span:
        span.record_exception(exception)
        span.set_attribute("error.type", exception_type(exception))
        span.status = ERROR
        span.end()


def put_back(call: Call) -> None:
    """Takes the headers off again and makes the caller's span the current one."""
    headers = call.headers
    try:
        for name in reversed(call.added):  # as lists of headers have them: the last first
            del headers[name]  # two steps for each in the libraries' mappings; with `pop` four
    except KeyError:  # the library, or somebody else's advice, has taken one off itself
        for name in call.added:
            headers.pop(name, None)
    if call.span is not None and call.previous is not None:
        context.leave_if_current(call.span, call.previous)


def _carry(
    current: trace.Span | None, entered: context.Transaction | None, headers: MutableMapping[str, str]
) -> Call | None:
    if current is None or not current.get_span_context().is_valid:
        return None
    spoken = current.get_span_context()
    request_id = entered.request_id if entered is not None else None
    outgoing = Identity(spoken.trace_id, spoken.span_id, int(spoken.trace_flags), spoken.trace_state.to_header())
    return _under_way(headers, inject(outgoing, request_id, headers), None, None)


def _describe_http(request: tuple[str, object], attributes: dict[str, Any]) -> str:
    """Records the method and the URL of an HTTP request; the span's name."""
    url = str(request[1])
    path = url.find("/", _SHORTEST)
    name, same = http_attributes.called(request[0], url if path < 0 else url[:path])
    attributes.update(same)
    attributes["url.full"] = http_attributes.url(url)
    return name
