"""httpx, its synchronous and its asynchronous client: a client span for each request sent, redirects included."""

from typing import Any

from weftline.agent import call, foreign
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = "weftline.agent.httpx"


def enter(request: Any) -> call.Call | None:
    """Begins the span, unless this call is not to be traced, and adds the headers to the request."""
    if foreign.suppressed():
        return None
    traced = foreign.instruments("httpx", "HTTPXClientInstrumentor")
    return call.begin(_LIBRARY, request.method, str(request.url), request.headers, traced=traced)


def leave(token: call.Call | None, response: Any) -> None:
    """Ends the span; the body may still be read."""
    if token is not None:
        call.answered(token, response.status_code, response.headers)


SEND = Advice(enter, leave, call.failed)

POINTCUTS = [
    Pointcut(
        module="httpx._client",
        target=f"{client}._send_single_request",
        advice=f"{__name__}:SEND",
        args=("request",),
        kind="client",
        scope=call.SCOPE,
        versions="httpx>=0.23",
    )
    for client in ("Client", "AsyncClient")
]
