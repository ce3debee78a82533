"""requests: a client span for each request its adapter sends, so redirects are spans of their own."""

from typing import Any

from weftline.agent import call, foreign
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = "weftline.agent.requests"


def enter(request: Any) -> call.Call | None:
    """Begins the span, unless this call is not to be traced, and adds the headers to the prepared request."""
    if foreign.suppressed():
        return None
    traced = foreign.instruments("requests", "RequestsInstrumentor")
    return call.begin(_LIBRARY, request.method or "", request.url or "", request.headers, traced=traced)


def leave(token: call.Call | None, response: Any) -> None:
    """Ends the span; the body may still be read."""
    if token is not None:
        call.answered(token, response.status_code, response.headers)


SEND = Advice(enter, leave, call.failed)

POINTCUTS = [
    Pointcut(
        module="requests.adapters",
        target="HTTPAdapter.send",
        advice=f"{__name__}:SEND",
        args=("request",),
        kind="client",
        scope=call.SCOPE,
        versions="requests>=2.20",
    ),
]
