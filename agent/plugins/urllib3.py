"""urllib3: a client span for each attempt a pool makes, so that retries and redirects are spans of their own.

Below requests and other clients built on it, it does nothing: their span is there already.
"""

from collections.abc import Mapping
from typing import Any

from weftline.agent import call, foreign
from weftline.agent.plugins import http_client
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = "weftline.agent.urllib3"

Headers = Mapping[str, str] | None


def enter(self: Any, method: str, url: str, headers: Headers) -> tuple[Headers, call.Call | None]:
    """Begins the span. The headers are copied: they may be the pool's, shared by all threads."""
    if http_client.covered(headers):
        return headers, None
    traced = foreign.instruments("urllib3", "URLLib3Instrumentor")
    copied = http_client.Carrier(headers)
    absolute = url if "://" in url else f"{self.scheme}://{http_client.authority(self.host, self.port)}{url}"
    return copied, call.begin(_LIBRARY, method, absolute, copied, traced)


def leave(token: call.Call | None, response: Any) -> None:
    """Ends the span; the body may still be read."""
    if token is not None:
        call.answered(token, response.status, response.headers)


SEND = Advice(enter, leave, call.failed)

POINTCUTS = [
    Pointcut(
        module="urllib3.connectionpool",
        target="HTTPConnectionPool._make_request",
        advice=f"{__name__}:SEND",
        args=("self", "method", "url", "headers"),
        replaces=("headers",),
        kind="client",
        scope=call.SCOPE,
        versions="urllib3>=2.0.2",
    ),
]
