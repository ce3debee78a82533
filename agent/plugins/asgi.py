"""ASGI: the steps every ASGI framework shares, and the server uvicorn, for applications of any kind.

uvicorn's cut begins the request and ends it when the application has returned, the access log written; a framework
inside only takes it over (its name, its route). Other servers leave it all to the framework's cut. A WebSocket is one
request, from its handshake until it is closed.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from weftline.agent import foreign, http_attributes, http_headers, propagate, semconv, serve
from weftline.agent.context import Transaction
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.propagate import transaction_id
from weftline.agent.record import ERROR, Span, exception_type
from weftline.agent.weave import guard

_LIBRARY = "weftline.agent.asgi"
_ENTERED = "weftline.agent.entered"
_TRANSACTION_ID = semconv.TRANSACTION_ID.encode()
_LENGTH = len(_TRANSACTION_ID)
_READ = {name.encode(): name for name in (*propagate.NAMES, "host", "user-agent", "x-forwarded-for")}
_SINGLE = ("host", "user-agent")
_read: Final = propagate.read

SERVED: Final = frozenset(("http", "websocket"))
"""The types of scope that are requests."""
_STARTS: Final = frozenset(
    ("http.response.start", "websocket.accept", "websocket.close", "websocket.http.response.start")
)
"""The messages that may be the answer to a request; `websocket.close` is one if nothing was accepted."""
_SWITCHED, _FORBIDDEN, _FAILED = 101, 403, 500
"""What a server answers to a handshake that is accepted, closed, or never looked at."""
_LEFT: Final = frozenset(("WebSocketDisconnect", "ClientDisconnected"))
"""Exceptions that only say that the client has gone."""

Scope = dict[str, Any]
Message = dict[str, Any]
Headers = Iterable[tuple[bytes, bytes]]
Send = Callable[[Message], Awaitable[None]]


def begin(scope: Scope, library: str) -> Transaction | None:
    """Lets a request enter. None when a layer above has done so: it is `library`'s request from now on."""
    entered = scope.get(_ENTERED)
    if entered is not None:
        if entered and type(entered.span) is Span:
            entered.span.library = library
        return None
    headers = _headers(scope["headers"])
    request = serve.begin(_read(headers), library, _describe, (scope, headers), scope["path"])
    scope[_ENTERED] = request  # a mounted application gets a copy of the scope, and so knows
    return request


def withdraw(scope: Scope) -> None:
    """Somebody else makes this request's span: what a layer above began is taken back, and no layer below begins."""
    entered = scope.setdefault(_ENTERED, False)
    if isinstance(entered, Transaction):
        foreign.withdraw(entered)


def watch(request: Transaction, send: Send) -> Send:
    """A `send` that notes the status and adds the transaction ID."""

    def watched(message: Message) -> Awaitable[None]:  # no coroutine of its own around each piece of the body
        if message["type"] in _STARTS:
            message = started(request, message)
        return send(message)

    return watched


def started(request: Transaction, message: Message) -> Message:
    """The response's start to send: with the transaction ID, unless the application has set one itself."""
    try:
        kind = message["type"]
        if kind == "websocket.close":
            request.status = request.status or _FORBIDDEN
            return message
        request.status = _SWITCHED if kind == "websocket.accept" else message["status"]
        headers = message.get("headers", ())
        if http_headers.server_response is not None:
            http_headers.server_response.note_on(request.span, headers)
        if request.withdrawn:
            return message
        for name, _ in headers:
            if len(name) == _LENGTH and name.lower() == _TRANSACTION_ID:
                return message
        headers = [*headers, (_TRANSACTION_ID, transaction_id.text(request.trace_id).encode())]
    except Exception as failure:  # noqa: BLE001 - the server judges malformed responses, not we
        guard.contained(failure, f"{_LIBRARY} send")
        return message
    return {**message, "headers": headers}


def current(scope: Scope) -> Transaction | None:
    """The request that entered with this scope."""
    return scope.get(_ENTERED) or None


def noted(scope: Scope, exception: BaseException) -> None:
    """Notes an exception that the server will turn into a response, on the request's span."""
    request = current(scope)
    if request is not None and type(request.span) is Span and type(exception).__name__ not in _LEFT:
        if scope["type"] == "websocket":  # its status has been sent
            request.span.status = ERROR
        request.span.record_exception(exception)
        request.span.set_attribute("error.type", exception_type(exception))


def run(cycle: Any) -> Transaction | None:
    """uvicorn calls the application."""
    scope = cycle.scope
    return begin(scope, _LIBRARY) if scope["type"] in SERVED else None


def leave(request: Transaction | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """The application has returned, or uvicorn has answered and logged what it raised."""
    if request is not None and not request.withdrawn:
        serve.finish(request)


def error(request: Transaction | None, exception: BaseException) -> None:
    """The task was cancelled, or the server itself failed."""
    if request is not None and not request.withdrawn:
        serve.finish(request, exception)


def send(cycle: Any, message: Message) -> tuple[Message, None]:
    """uvicorn is given a message to send."""
    if message["type"] in _STARTS:
        request = current(cycle.scope)
        if request is not None:
            message = started(request, message)
    return message, None


def unanswered(protocol: Any) -> None:
    """uvicorn answers a handshake itself: the application has failed."""
    request = current(protocol.scope)
    if request is not None and not request.status:
        request.status = _FAILED


def proxied(scope: Scope) -> Scope:
    """The scope, for when the application raises: uvicorn would catch and log it, and nobody else see it."""
    return scope


def _headers(raw: Headers) -> dict[str, str]:
    """The headers that are read, by name; a repeated one's values joined by commas, except of what is no list."""
    found: dict[str, str] = {}
    for key, value in raw:
        if key in _READ:
            name, text = _READ[key], value.decode("latin-1")
            if name in found and name not in _SINGLE:
                text = f"{found[name]},{text}"
            found[name] = text
    return found


def _describe(request: tuple[Scope, dict[str, str]], attributes: dict[str, Any]) -> str:
    scope, headers = request
    get = scope.get
    host, server, client, path = headers.get("host"), get("server"), get("client"), scope["path"]
    if host is None:
        host = f"{server[0]}:{server[1]}" if server else ""
    name, same = http_attributes.request(get("method", "GET"), get("scheme", "http"), host, get("http_version") or "")
    attributes.update(same)
    attributes["url.path"] = path
    query, forwarded, peer = get("query_string"), headers.get("x-forwarded-for"), client[0] if client else None
    if query:
        attributes["url.query"] = http_attributes.query(query.decode("latin-1"))
    attributes["user_agent.original"] = headers.get("user-agent")
    attributes["client.address"] = http_attributes.client_address(forwarded, peer) if forwarded else peer
    return name


RUN = Advice(run, leave, error)
SEND = Advice(send)
UNANSWERED = Advice(unanswered)
PROXIED = Advice(proxied, None, noted)
CONTRIB = Advice(withdraw)

POINTCUTS = [
    *(
        Pointcut(
            module=f"uvicorn.protocols.http.{protocol}",
            target=f"RequestResponseCycle.{target}",
            advice=f"{__name__}:{advice}",
            args=args,
            replaces=args[1:],
            kind="server",
            scope="http.server",
            versions="uvicorn>=0.20",
        )
        for protocol in ("h11_impl", "httptools_impl")
        for target, advice, args in (("run_asgi", "RUN", ("self",)), ("send", "SEND", ("self", "message")))
    ),
    *(
        Pointcut(
            module=f"uvicorn.protocols.websockets.{protocol}",
            target=f"{owner}.{target}",
            advice=f"{__name__}:{advice}",
            args=args,
            replaces=args[1:],
            kind="server",
            scope="http.server",
            versions="uvicorn>=0.20",
        )
        for protocol, owner, sending in (
            ("websockets_impl", "WebSocketProtocol", "asgi_send"),
            ("websockets_sansio_impl", "WebSocketsSansIOProtocol", "send"),
            ("wsproto_impl", "WSProtocol", "send"),
        )
        for target, advice, args in (
            ("run_asgi", "RUN", ("self",)),
            (sending, "SEND", ("self", "message")),
            ("send_500_response", "UNANSWERED", ("self",)),
        )
    ),
    Pointcut(
        "uvicorn.middleware.proxy_headers",
        "ProxyHeadersMiddleware.__call__",
        f"{__name__}:PROXIED",
        ("scope",),
        "observe",
        versions="uvicorn>=0.20",
    ),
    Pointcut(
        "opentelemetry.instrumentation.asgi",
        "OpenTelemetryMiddleware.__call__",
        f"{__name__}:CONTRIB",
        ("scope",),
        "observe",
    ),
]
