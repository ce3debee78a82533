"""gunicorn's own ASGI worker (since 24): a request from its scope to its access log, a WebSocket until it is closed.

A framework inside only takes the request over. The worker's `send` is a closure, so status and transaction ID are put
in where the response's head is written. HTTP/2 is left to the framework's cut: its access log has no ids.
"""

import sys
from collections.abc import Sequence
from typing import Any, Final

from weftline.agent import installed, semconv, serve
from weftline.agent.context import Transaction
from weftline.agent.plugins import asgi, wsgi
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.record import ERROR
from weftline.agent.weave import versions

_LIBRARY: Final = "weftline.agent.asgi"
_VERSIONS: Final = "gunicorn>=20"
_ERRORS: Final = ("Error in ASGI application", "Error in WebSocket ASGI application")

Extra = Sequence[tuple[str, str]]


def building() -> None:
    """Nothing is to be done before there is a scope."""


def built(token: Any, scope: asgi.Scope) -> None:  # noqa: ARG001 - advice gets the token
    """The scope is there: the request enters."""
    handling = wsgi.around()
    if handling is not None and handling.request is None:
        handling.request = asgi.begin(scope, _LIBRARY)


def start(status: Any, headers: Any) -> tuple[Any, None]:
    """The application's response starts."""
    request = wsgi.handling()
    if request is not None:
        headers = asgi.started(request, {"type": "http.response.start", "status": status, "headers": headers})[
            "headers"
        ]
    return headers, None


def unanswered(status: Any) -> Transaction | None:
    """The worker answers by itself: the application has failed, or said nothing."""
    request = wsgi.handling()
    if request is not None:
        request.status = int(status)
    return request


def unanswered_with(extra_headers: Extra, status: Any) -> tuple[Extra, None]:
    """The same, where the answer can be given headers."""
    request = unanswered(status)
    if request is not None and serve.response_id(request):
        extra_headers = (*extra_headers, (semconv.TRANSACTION_ID, serve.response_id(request)))
    return extra_headers, None


def denied(protocol: Any, status: Any) -> None:
    """The worker refuses a handshake."""
    request = asgi.current(protocol.scope)
    if request is not None and not request.status:
        request.status = int(status)


def gone(request: Transaction | None, exception: BaseException) -> None:
    """Versions before 27 cancel the task of a WebSocket that the client has left."""
    if type(exception).__name__ == "CancelledError" and request is not None and request.status:
        asgi.leave(request, None)
    else:
        asgi.error(request, exception)


def logged(msg: Any) -> None:
    """gunicorn logs an exception: what its workers have caught of the application's nobody else sees."""
    exception = sys.exc_info()[1]
    if exception is not None and msg in _ERRORS:
        serve.failed(exception)
        span = serve.server_span()
        if span is not None:
            span.status = ERROR


BUILD = Advice(building, built)
START = Advice(start)
UNANSWERED = Advice(unanswered)
UNANSWERED_WITH = Advice(unanswered_with)
RUN = Advice(asgi.run, asgi.leave, gone)
DENIED = Advice(denied)
LOGGED = Advice(logged)

_GIVES_HEADERS = versions.allows(">=27", installed.version("gunicorn") or "27")


def _http(target: str, advice: str, args: tuple[str, ...] = (), replaces: tuple[str, ...] = ()) -> Pointcut:
    return Pointcut(
        "gunicorn.asgi.protocol", f"ASGIProtocol.{target}", advice, args, "observe", "", _VERSIONS, replaces
    )


def _websocket(target: str, advice: str, args: tuple[str, ...]) -> Pointcut:
    where, replaces = f"WebSocketProtocol.{target}", ("message",) if "message" in args else ()
    return Pointcut("gunicorn.asgi.websocket", where, advice, args, "server", "http.server", _VERSIONS, replaces)


POINTCUTS = [
    Pointcut(
        module="gunicorn.asgi.protocol",
        target="ASGIProtocol._handle_http_request",
        advice="weftline.agent.plugins.wsgi:HANDLE",
        kind="server",
        scope="http.server",
        versions=_VERSIONS,
    ),
    _http("_build_http_scope", f"{__name__}:BUILD"),
    _http("_send_response_start", f"{__name__}:START", ("status", "headers"), ("headers",)),
    (
        _http("_send_error_response", f"{__name__}:UNANSWERED_WITH", ("extra_headers", "status"), ("extra_headers",))
        if _GIVES_HEADERS
        else _http("_send_error_response", f"{__name__}:UNANSWERED", ("status",))
    ),
    _websocket("run", f"{__name__}:RUN", ("self",)),
    _websocket("_send", "weftline.agent.plugins.asgi:SEND", ("self", "message")),
    _websocket("_deny", f"{__name__}:DENIED", ("self", "status")),
    Pointcut("gunicorn.glogging", "Logger.exception", f"{__name__}:LOGGED", ("msg",), "observe", "", _VERSIONS),
]
