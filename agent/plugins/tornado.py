"""tornado: a server span per request a handler executes, and a client span per request of its HTTP clients."""

from collections.abc import Callable, Iterator
from typing import Any

from weftline.agent import call, context, foreign, http_attributes, http_headers, semconv, serve
from weftline.agent.plugins import http_client
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.propagate import extract, transaction_id
from weftline.agent.record import Span

_LIBRARY = "weftline.agent.tornado"
_VERSIONS = "tornado>=6.1"
_LEAST_ERROR, _NO_ANSWER = 500, 599

Callback = Callable[[Any], None]
Token = tuple[context.Transaction, Any]


def enter(self: Any) -> Token | None:
    """A handler executes a request, in a task of its own."""
    if _foreign():
        return None
    request = serve.begin(extract(self.request.headers.get), _LIBRARY, _describe, self.request, self.request.path)
    if isinstance(request.span, Span):
        serve.route(_route(self), request.span)
    return request, self


def leave(token: Token | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """Ends the span; what a handler that doesn't finish by itself sends later is outside of it."""
    if token is not None:
        request, handler = token
        request.status = handler.get_status()
        if http_headers.server_response is not None:
            http_headers.server_response.note_on(request.span, handler._headers.get_all())  # noqa: SLF001 - kept nowhere else
        serve.finish(request)


def error(token: Token | None, exception: BaseException) -> None:
    """Ends the span of a request that was cancelled."""
    if token is not None:
        serve.finish(token[0], exception)


def raised(e: BaseException) -> None:
    """tornado turns an exception into a response."""
    from tornado.web import Finish

    if not isinstance(e, Finish) and getattr(e, "status_code", _LEAST_ERROR) >= _LEAST_ERROR:
        serve.failed(e)


def flush(self: Any) -> None:
    """The response starts: the transaction ID is added unless the application has set one itself."""
    entered = context.transaction()
    if entered is not None and not self._headers_written and semconv.TRANSACTION_ID not in self._headers:
        self._headers[semconv.TRANSACTION_ID] = transaction_id.text(entered.trace_id)


def fetch(request: Any, callback: Callback) -> tuple[Callback, call.Call | None]:
    """A client sends a request; `request.headers` is its own copy. Its callback gets the answer or the error."""
    if http_client.covered():
        return callback, None
    begun = call.begin(_LIBRARY, request.method, request.url, request.headers, _foreign())

    def called(response: Any) -> None:
        failure = response.error
        if failure is not None and response.code == _NO_ANSWER:
            call.failed(begun, failure)
        else:
            call.answered(begun, response.code, response.headers)
        callback(response)

    return (callback if begun is None else called), begun


def fetching(token: call.Call | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """The request is under way: its span goes on, the caller's is current again."""
    if token is not None and token.span is not None and token.previous is not None:
        context.leave_if_current(token.span, token.previous)


def _foreign() -> bool:
    return foreign.instruments("tornado", "TornadoInstrumentor")


def _route(handler: Any) -> str:
    """The pattern of the rule that led to a handler; empty if it can't be told."""
    application = handler.application
    routers = [getattr(application, "default_router", None), getattr(application, "wildcard_router", None)]
    for rule in _rules(router for router in routers if router is not None):
        if rule.target is type(handler):
            pattern = getattr(rule.matcher, "regex", None)
            if pattern is not None and pattern.match(handler.request.path):
                return str(pattern.pattern).removesuffix("$")
    return ""


def _rules(routers: Iterator[Any]) -> Iterator[Any]:
    for router in routers:
        for rule in getattr(router, "rules", ()):
            yield rule
            yield from _rules(iter((rule.target,)))


def _describe(request: Any, attributes: dict[str, Any]) -> str:
    name = http_attributes.method(attributes, request.method)
    attributes["url.path"] = request.path
    attributes["url.scheme"] = request.protocol
    if request.query:
        attributes["url.query"] = http_attributes.query(request.query)
    http_attributes.server(attributes, request.host, request.protocol)
    attributes["network.protocol.version"] = request.version.removeprefix("HTTP/")
    attributes["user_agent.original"] = request.headers.get("user-agent")
    attributes["client.address"] = http_attributes.client_address(
        request.headers.get("x-forwarded-for"), request.remote_ip
    )
    return name


EXECUTE = Advice(enter, leave, error)
RAISED = Advice(raised)
FLUSH = Advice(flush)
FETCH = Advice(fetch, fetching, call.failed)

POINTCUTS = [
    Pointcut(
        module="tornado.web",
        target="RequestHandler._execute",
        advice=f"{__name__}:EXECUTE",
        args=("self",),
        kind="server",
        scope="http.server",
        versions=_VERSIONS,
    ),
    Pointcut(
        "tornado.web",
        "RequestHandler._handle_request_exception",
        f"{__name__}:RAISED",
        ("e",),
        "observe",
        versions=_VERSIONS,
    ),
    Pointcut("tornado.web", "RequestHandler.flush", f"{__name__}:FLUSH", ("self",), "observe", versions=_VERSIONS),
    Pointcut(
        module="tornado.simple_httpclient",
        target="SimpleAsyncHTTPClient.fetch_impl",
        advice=f"{__name__}:FETCH",
        args=("request", "callback"),
        replaces=("callback",),
        kind="client",
        scope=call.SCOPE,
        versions=_VERSIONS,
    ),
]
