"""WSGI: the steps every WSGI framework shares, and the servers gunicorn and wsgiref, for applications of any kind.

A server's cut begins the request when its environ is there and ends it when the body is sent and the access log
written. A framework inside only takes it over (its name, its route), so there is one span however many are stacked.
Servers that call the application from C (uWSGI, mod_wsgi) leave it all to the framework's cut, which ends the request
when the application returns, or with a body that is made while it is sent (:mod:`~weftline.agent.wsgi_body`).
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from weftline.agent import context, foreign, forks, http_attributes, http_headers, propagate, semconv, serve, wsgi_body
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.propagate import transaction_id
from weftline.agent.record import Span
from weftline.agent.weave import guard

_LIBRARY = "weftline.agent.wsgi"
_ENTERED = "weftline.agent.entered"
_HANDLED = "weftline_transaction"
"""Where gunicorn's own request holds ours."""
_TOLD = semconv.TRANSACTION_ID
_LENGTH = len(_TOLD)
_VERSIONS = "gunicorn>=20"

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., Any]
Answering = tuple[context.Transaction, Environ]
"""A request that a framework's cut has begun, and so ends."""


@dataclass(slots=True)
class Handling:
    """A server handling one request. `request` is None until its environ is there."""

    outer: "Handling | None"
    request: context.Transaction | None = None


_handling: ContextVar[Handling | None] = ContextVar("weftline-wsgi", default=None)


def begin(environ: Environ, library: str) -> context.Transaction | None:
    """Lets a request enter. None when a layer above has done so: it is `library`'s request from now on."""
    entered = environ.get(_ENTERED)
    if entered is None:
        return _begin(environ, library)
    _take_over(entered, library)
    return None


def _take_over(entered: context.Transaction | Literal[False], library: str) -> None:
    if entered and type(entered.span) is Span:
        entered.span.library = library


def _begin(environ: Environ, library: str) -> context.Transaction:
    environ[_ENTERED] = request = serve.begin(
        _read(environ), library, _describe, environ, _path(environ) if serve.by_route is not None else ""
    )
    return request


def enter(environ: Environ, library: str, start_response: StartResponse) -> tuple[StartResponse, Answering | None]:
    """A framework's application is called. None for what a server's cut has begun and will end."""
    entered = environ.get(_ENTERED)
    if entered is not None:
        _take_over(entered, library)
        return start_response, None
    forks.notice()
    request = _begin(environ, library)
    return watch(request, start_response), (request, environ)


def withdraw(environ: Environ) -> None:
    """Somebody else makes this request's span: what a layer above began is taken back, and no layer below begins."""
    entered = environ.setdefault(_ENTERED, False)
    if isinstance(entered, context.Transaction):
        foreign.withdraw(entered)


def watch(request: context.Transaction, start_response: StartResponse) -> StartResponse:
    """A `start_response` that notes the status and adds the transaction ID."""

    def start(status: str, headers: Headers, *rest: Any, **named: Any) -> Any:
        try:
            headers = started(request, status, headers)
        except Exception as error:  # noqa: BLE001 - the server judges malformed responses, not we
            guard.contained(error, f"{_LIBRARY} start_response")
        return start_response(status, headers, *rest, **named)

    return start


def started(request: context.Transaction, status: str, headers: Headers) -> Headers:
    """The headers to send: with the transaction ID, unless the application has set one itself."""
    told = _header(request, status, headers)
    return headers if told is None else [*headers, told]


def _header(request: context.Transaction, status: str, headers: Headers) -> tuple[str, str] | None:
    """Notes how a response starts; the header to add to those that the application has set."""
    request.status = int(status[:3])
    if http_headers.server_response is not None:
        http_headers.server_response.note_on(request.span, headers)
    if request.withdrawn:
        return None
    for name, _ in headers:
        if len(name) == _LENGTH and name.lower() == _TOLD:
            return None
    return _TOLD, transaction_id.text(request.trace_id)


def answered(answering: Answering | None, body: Any) -> Any:
    """A framework's application has returned a body; what to return in its place."""
    return body if answering is None else wsgi_body.answered(answering, body)


def handle() -> Handling:
    """A server begins to handle a request it has read."""
    handling = Handling(_handling.get())
    _handling.set(handling)
    return handling


def born(environ: Environ) -> None:
    """A server has made the environ: the request enters."""
    handling = _handling.get()
    if handling is not None and handling.request is None:
        handling.request = begin(environ, _LIBRARY)


def around() -> Handling | None:
    """What the server around is handling."""
    return _handling.get()


def handling() -> context.Transaction | None:
    """The request that the server around is handling."""
    found = _handling.get()
    return None if found is None else found.request


def not_answered(answering: Answering | None, exception: BaseException) -> None:
    """A framework's application let an exception out."""
    if answering is not None:
        serve.finish(answering[0], exception)


def handled(token: Handling | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """The server has sent the answer and logged it."""
    if token is not None:
        _end(token, None)


def failed(token: Handling | None, exception: BaseException) -> None:
    """An exception has left the server's handling."""
    if token is not None:
        _end(token, exception)


def environ_set(handler: Any, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """wsgiref has set its handler's environ."""
    born(handler.environ)


def start_response(status: str, headers: Headers) -> tuple[Headers, None]:
    """The application starts its response at the server."""
    request = handling()
    return (headers if request is None else started(request, status, headers)), None


def logged(exc_info: Any) -> None:
    """wsgiref turns an exception into a 500."""
    request = handling()
    if request is not None and exc_info[1] is not None:
        serve.failed(exc_info[1])


def setting_up(self: Any) -> Any:
    """The handler, for when its environ is set."""
    return self


def taken(req: Any) -> Any:
    """One of gunicorn's workers handles a request. The request itself remembers whose it is: nothing has to be looked
    for, and a worker that isn't woven leaves all to the framework's cut."""
    req.weftline_transaction = None
    return req


def creating(req: Any) -> Any:
    """The request, for when its environ is there."""
    return req


def created(req: Any, result: tuple[Any, Environ]) -> None:
    """gunicorn has made response and environ."""
    if req is not None and req.__dict__.get(_HANDLED, True) is None:
        req.weftline_transaction = _begin(result[1], _LIBRARY)


def responding(response: Any, status: str, headers: Headers) -> None:
    """The application starts its response at gunicorn, which gets our header past its own judging of each."""
    request = response.req.__dict__.get(_HANDLED)
    if request is not None:
        told = _header(request, status, headers)
        if told is not None and told not in response.headers:  # started anew for an error
            response.headers.append(told)


def done(req: Any, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """The worker has sent the answer and logged it."""
    if req is not None:
        _leave(req.weftline_transaction, None)


def broken(req: Any, exception: BaseException) -> None:
    """An exception has left the worker's handling."""
    if req is not None:
        # gunicorn's way of closing a connection whose answer has begun: the application's is behind it
        _leave(req.weftline_transaction, exception.__context__ if isinstance(exception, StopIteration) else exception)


def _path(environ: Environ) -> str:
    # WSGI hands paths as latin-1 of the bytes; the bytes are UTF-8
    path: str = environ.get("PATH_INFO", "")
    script = environ.get("SCRIPT_NAME")
    if script:
        path = script + path
    if path.isascii():
        return path or "/"
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


def _describe(environ: Environ, attributes: dict[str, Any]) -> str:
    get = environ.get
    name, same = http_attributes.request(
        get("REQUEST_METHOD", ""),
        get("wsgi.url_scheme", "http"),
        get("HTTP_HOST") or f"{get('SERVER_NAME', '')}:{get('SERVER_PORT', '')}",
        get("SERVER_PROTOCOL", ""),
    )
    attributes.update(same)
    attributes["url.path"] = _path(environ)
    query, forwarded, peer = get("QUERY_STRING"), get("HTTP_X_FORWARDED_FOR"), get("REMOTE_ADDR")
    if query:
        attributes["url.query"] = http_attributes.query(query)
    attributes["user_agent.original"] = get("HTTP_USER_AGENT")
    attributes["client.address"] = http_attributes.client_address(forwarded, peer) if forwarded else peer
    return name


def _end(handling: Handling, exception: BaseException | None) -> None:
    _handling.set(handling.outer)
    _leave(handling.request, exception)


def _leave(request: context.Transaction | None, exception: BaseException | None) -> None:
    if request is not None and not request.withdrawn:
        if exception is not None and not request.status and not isinstance(exception, OSError):
            request.status = 500  # the server's own answer
        serve.finish(request, exception)


_read = propagate.reader({name: "HTTP_" + name.upper().replace("-", "_") for name in propagate.NAMES})
HANDLE = Advice(handle, handled, failed)
TAKE = Advice(taken, done, broken)
CREATE = Advice(creating, created)
RESPOND = Advice(responding)
SETUP = Advice(setting_up, environ_set)
START = Advice(start_response)
LOGGED = Advice(logged)
CONTRIB = Advice(withdraw)


POINTCUTS = [
    *(
        Pointcut(
            module=f"gunicorn.workers.{module}",
            target=f"{worker}.handle_request",
            advice=f"{__name__}:TAKE",
            args=("req",),
            kind="server",
            scope="http.server",
            versions=_VERSIONS,
        )
        for module, worker in (
            ("sync", "SyncWorker"),
            ("gthread", "ThreadWorker"),
            ("base_async", "AsyncWorker"),
        )
    ),
    Pointcut("gunicorn.http.wsgi", "create", f"{__name__}:CREATE", ("req",), "observe", versions=_VERSIONS),
    Pointcut(
        module="gunicorn.http.wsgi",
        target="Response.start_response",
        advice=f"{__name__}:RESPOND",
        args=("self", "status", "headers"),
        kind="observe",
        versions=_VERSIONS,
    ),
    Pointcut("wsgiref.handlers", "BaseHandler.run", f"{__name__}:HANDLE", kind="server", scope="http.server"),
    Pointcut("wsgiref.handlers", "BaseHandler.setup_environ", f"{__name__}:SETUP", ("self",), "observe"),
    Pointcut("wsgiref.handlers", "BaseHandler.log_exception", f"{__name__}:LOGGED", ("exc_info",), "observe"),
    Pointcut(
        module="wsgiref.handlers",
        target="BaseHandler.start_response",
        advice=f"{__name__}:START",
        args=("status", "headers"),
        replaces=("headers",),
        kind="observe",
    ),
    Pointcut(
        "opentelemetry.instrumentation.wsgi",
        "OpenTelemetryMiddleware.__call__",
        f"{__name__}:CONTRIB",
        ("environ",),
        "observe",
    ),
]
