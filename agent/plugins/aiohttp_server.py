"""aiohttp's server: a server span per request, its body and access log inside; the route that was resolved."""

from typing import Any

from weftline.agent import context, foreign, http_attributes, http_headers, semconv, serve
from weftline.agent.plugins.http_client import authority
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.propagate import extract, transaction_id

_LIBRARY = "weftline.agent.aiohttp_server"
_VERSIONS = "aiohttp>=3.8.3"
_LEAST_ERROR = 500

Token = tuple[context.Transaction, Any]


def enter(request: Any) -> Token | None:
    """Begins the span. Each request has a task, and so a context, of its own."""
    if foreign.instruments("aiohttp_server", "AioHttpServerInstrumentor"):
        return None

    def header(name: str) -> str | None:
        values = request.headers.getall(name, None)
        return None if values is None else ",".join(values)

    return serve.begin(extract(header), _LIBRARY, _describe, request, request.path), request


def leave(token: Token | None, result: tuple[Any, bool]) -> None:
    """Ends the span; the answer is sent and logged."""
    if token is not None:
        begun, request = token
        begun.status = result[0].status
        _route(begun, request)
        if http_headers.server_response is not None:
            http_headers.server_response.note_on(begun.span, result[0].headers.items())
        serve.finish(begun)


def error(token: Token | None, exception: BaseException) -> None:
    """Ends the span of a request that was cancelled, or whose connection broke."""
    if token is not None:
        begun, request = token
        _route(begun, request)
        serve.finish(begun, exception)


def handling(status: int, exc: BaseException | None) -> None:
    """aiohttp turns an exception into a response."""
    if exc is not None and status >= _LEAST_ERROR:
        serve.failed(exc)


def writing(self: Any) -> None:
    """The headers are complete: the transaction ID is added unless the application has set one itself."""
    entered = context.transaction()
    if entered is not None and semconv.TRANSACTION_ID not in self.headers:
        self.headers[semconv.TRANSACTION_ID] = transaction_id.text(entered.trace_id)


def _route(begun: context.Transaction, request: Any) -> None:
    match = getattr(request, "_match_info", None)  # `match_info` raises before the URL is resolved
    resource = getattr(getattr(match, "route", None), "resource", None)
    if resource is not None:
        serve.route(resource.canonical, begun.span)


def _describe(request: Any, attributes: dict[str, Any]) -> str:
    name = http_attributes.method(attributes, request.method)
    attributes["url.path"] = request.path
    attributes["url.scheme"] = request.scheme
    if request.query_string:
        attributes["url.query"] = http_attributes.query(request.rel_url.raw_query_string)
    host = request.headers.get("host")
    if not host and request.transport is not None:
        name_and_port = request.transport.get_extra_info("sockname")
        host = authority(*name_and_port[:2]) if isinstance(name_and_port, tuple) else None
    if host:
        http_attributes.server(attributes, host, request.scheme)
    attributes["network.protocol.version"] = f"{request.version.major}.{request.version.minor}"
    attributes["user_agent.original"] = request.headers.get("user-agent")
    attributes["client.address"] = http_attributes.client_address(
        request.headers.get("x-forwarded-for"), request.remote
    )
    return name


REQUEST = Advice(enter, leave, error)
HANDLING = Advice(handling)
WRITING = Advice(writing)

POINTCUTS = [
    Pointcut(
        module="aiohttp.web_protocol",
        target="RequestHandler._handle_request",
        advice=f"{__name__}:REQUEST",
        args=("request",),
        kind="server",
        scope="http.server",
        versions=_VERSIONS,
    ),
    Pointcut(
        "aiohttp.web_protocol",
        "RequestHandler.handle_error",
        f"{__name__}:HANDLING",
        ("status", "exc"),
        "observe",
        versions=_VERSIONS,
    ),
    Pointcut(
        "aiohttp.web_response",
        "StreamResponse._write_headers",
        f"{__name__}:WRITING",
        ("self",),
        "observe",
        versions=_VERSIONS,
    ),
]
