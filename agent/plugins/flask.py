"""Flask: a server span per request from its WSGI entry; the route; exceptions Flask turns into a 500."""

import functools
from collections.abc import Callable
from typing import Any

from weftline.agent import foreign, serve
from weftline.agent.context import Transaction
from weftline.agent.plugins import wsgi
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = "weftline.agent.flask"


def enter(
    app: Any, environ: wsgi.Environ, start_response: wsgi.StartResponse
) -> tuple[wsgi.StartResponse, Transaction | None]:
    """Begins the span, or takes over the server's; the response's start is watched."""
    if foreign.instruments("flask", "FlaskInstrumentor", app):
        wsgi.withdraw(environ)
        return start_response, None
    request = wsgi.begin(environ, _LIBRARY)
    return (start_response if request is None else wsgi.watch(request, start_response)), request


def leave(request: Transaction | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """Ends the span, unless it is the server's: a body that is streamed later is inside of that one only."""
    if request is not None:
        serve.finish(request)


def error(request: Transaction | None, exception: BaseException) -> None:
    """Ends the span of a request that Flask let an exception out of."""
    if request is not None:
        serve.finish(request, exception)


def matched() -> None:
    """The URL has been matched: the route is known before the view runs."""
    span = serve.server_span()
    if span is not None:
        rule = _look_behind_proxy()().url_rule
        if rule is not None:
            serve.route(rule.rule, span)


@functools.lru_cache(maxsize=1)
def _look_behind_proxy() -> Callable[[], Any]:
    """Gives the current request. Importing the proxy, and each look through it, cost half a microsecond."""
    from flask.globals import request

    found: Callable[[], Any] = request._get_current_object  # type: ignore[attr-defined]  # noqa: SLF001 - documented
    return found


ENTRY = Advice(enter, leave, error)
MATCHED = Advice(matched)
EXCEPTION = Advice(serve.failed)

POINTCUTS = [
    Pointcut(
        module="flask.app",
        target="Flask.wsgi_app",
        advice=f"{__name__}:ENTRY",
        args=("self", "environ", "start_response"),
        replaces=("start_response",),
        kind="server",
        scope="http.server",
        versions="flask>=2.2",
    ),
    Pointcut(
        module="flask.app",
        target="Flask.full_dispatch_request",
        advice=f"{__name__}:MATCHED",
        kind="observe",
        versions="flask>=2.2",
    ),
    Pointcut(
        module="flask.app",
        target="Flask.handle_exception",
        advice=f"{__name__}:EXCEPTION",
        args=("e",),
        kind="observe",
        versions="flask>=2.2",
    ),
]
