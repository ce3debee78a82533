"""Flask: a server span per request from its WSGI entry; the route; exceptions Flask turns into a 500."""

import functools
from collections.abc import Callable
from typing import Any

from weftline.agent import context, foreign, serve
from weftline.agent.plugins import wsgi
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.record import SERVER, Span

_LIBRARY = "weftline.agent.flask"


def enter(
    app: Any, environ: wsgi.Environ, start_response: wsgi.StartResponse
) -> tuple[wsgi.StartResponse, wsgi.Answering | None]:
    """Begins the span, or takes over the server's; the response's start is watched."""
    if foreign.instruments("flask", "FlaskInstrumentor", app):
        wsgi.withdraw(environ)
        return start_response, None
    return wsgi.enter(environ, _LIBRARY, start_response)


def matched() -> None:
    """The URL has been matched: the route is known before the view runs."""
    span = context.current().get(context.SPAN_KEY)
    if type(span) is Span and span.kind == SERVER:
        rule = _look_behind_proxy()().url_rule
        if rule is not None:
            serve.route(rule.rule, span)


@functools.lru_cache(maxsize=1)
def _look_behind_proxy() -> Callable[[], Any]:
    """Gives the current request. Importing the proxy, and each look through it, cost half a microsecond."""
    from flask.globals import request

    found: Callable[[], Any] = request._get_current_object  # type: ignore[attr-defined]  # noqa: SLF001 - documented
    return found


ENTRY = Advice(enter, wsgi.answered, wsgi.not_answered)
MATCHED = Advice(matched)
EXCEPTION = Advice(serve.failed)

POINTCUTS = [
    Pointcut(
        module="flask.app",
        target="Flask.wsgi_app",
        advice=f"{__name__}:ENTRY",
        args=("self", "environ", "start_response"),
        replaces=("start_response",),
        returns=True,
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
