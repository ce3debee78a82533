"""Django under WSGI, ASGI and its own test client: a server span per request, or the server's taken over; the route
once the URL is resolved; exceptions Django turns into a 500."""

from typing import Any

from weftline.agent import foreign, serve
from weftline.agent.context import Transaction
from weftline.agent.plugins import asgi, wsgi
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = "weftline.agent.django"
_VERSIONS = "django>=3.2"


def enter_wsgi(
    environ: wsgi.Environ, start_response: wsgi.StartResponse
) -> tuple[wsgi.StartResponse, wsgi.Answering | None]:
    """A request from a WSGI server."""
    if _foreign():
        wsgi.withdraw(environ)
        return start_response, None
    return wsgi.enter(environ, _LIBRARY, start_response)


def leave(request: Transaction | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """Ends the span if it is ours."""
    if request is not None:
        serve.finish(request)


def error(request: Transaction | None, exception: BaseException) -> None:
    """Ends the span of a request that Django let an exception out of."""
    if request is not None:
        serve.finish(request, exception)


def enter_asgi(scope: asgi.Scope, send: asgi.Send) -> tuple[asgi.Send, Transaction | None]:
    """A request from an ASGI server."""
    if scope["type"] != "http":
        return send, None
    if _foreign():
        asgi.withdraw(scope)
        return send, None
    request = asgi.begin(scope, _LIBRARY)
    return (send if request is None else asgi.watch(request, send)), request


def enter_test(environ: wsgi.Environ) -> Transaction | None:
    """A request from `django.test.Client`, which has no server."""
    return None if _foreign() else wsgi.begin(environ, _LIBRARY)


def leave_test(request: Transaction | None, response: Any) -> None:
    """Ends the span; the test sees the response as it is."""
    if request is not None:
        request.status = response.status_code
        serve.finish(request)


def resolving() -> None:
    """Nothing is to be done before there is a match."""


def resolved(token: Any, match: Any) -> None:  # noqa: ARG001 - advice gets the token
    """The URL is resolved: the route is known before the view runs."""
    template = match.route
    if template is not None:
        serve.route(template if template.startswith(("/", "^")) else f"/{template}", serve.server_span())


def uncaught(exc_info: Any) -> None:
    """Django turns an exception into a 500."""
    if exc_info[1] is not None:
        serve.failed(exc_info[1])


def _foreign() -> bool:
    return foreign.instruments("django", "DjangoInstrumentor")


WSGI = Advice(enter_wsgi, wsgi.answered, wsgi.not_answered)
ASGI = Advice(enter_asgi, leave, error)
TEST = Advice(enter_test, leave_test, error)
RESOLVE = Advice(resolving, resolved)
UNCAUGHT = Advice(uncaught)


def _handler(module: str, target: str, advice: str, args: tuple[str, ...], replaces: tuple[str, ...]) -> Pointcut:
    returns = advice == "WSGI"
    return Pointcut(module, target, f"{__name__}:{advice}", args, "server", "http.server", _VERSIONS, replaces, returns)


POINTCUTS = [
    _handler(
        "django.core.handlers.wsgi", "WSGIHandler.__call__", "WSGI", ("environ", "start_response"), ("start_response",)
    ),
    _handler("django.core.handlers.asgi", "ASGIHandler.__call__", "ASGI", ("scope", "send"), ("send",)),
    _handler("django.test.client", "ClientHandler.__call__", "TEST", ("environ",), ()),
    Pointcut(
        "django.core.handlers.base",
        "BaseHandler.resolve_request",
        f"{__name__}:RESOLVE",
        kind="observe",
        versions=_VERSIONS,
    ),
    Pointcut(
        "django.core.handlers.exception",
        "handle_uncaught_exception",
        f"{__name__}:UNCAUGHT",
        ("exc_info",),
        "observe",
        versions=_VERSIONS,
    ),
]
