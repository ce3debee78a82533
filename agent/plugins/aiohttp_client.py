"""aiohttp's client: one client span for each request, redirects and retries inside it included."""

from typing import Any

from weftline.agent import call, foreign, http_attributes
from weftline.agent.plugins import http_client
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.record import Span

_LIBRARY = "weftline.agent.aiohttp_client"


def enter(self: Any, method: str, str_or_url: Any, headers: Any) -> tuple[Any, call.Call | None]:
    """Begins the span. The headers are copied: what the caller gave may be used for other requests too."""
    if http_client.covered():
        return headers, None
    from multidict import CIMultiDict

    carrier = CIMultiDict(self.headers)
    given = CIMultiDict(headers or ())
    for name in given:
        carrier.popall(name, None)
    carrier.extend(given)
    base = getattr(self, "_base_url", None)
    url = str(base.join(_url(str_or_url)) if base is not None else str_or_url)
    traced = foreign.instruments("aiohttp_client", "AioHttpClientInstrumentor")
    return carrier, call.begin(_LIBRARY, method.upper(), url, carrier, traced)


def leave(token: call.Call | None, response: Any) -> None:
    """Ends the span; the body may still be read. The URL is the one asked for first, its parameters filled in."""
    if token is None:
        return
    if isinstance(token.span, Span):
        first = response.history[0] if response.history else response
        token.span.set_attribute("url.full", http_attributes.url(str(first.url)))
    call.answered(token, response.status, response.headers)


def _url(str_or_url: Any) -> Any:
    from yarl import URL

    return URL(str_or_url)


REQUEST = Advice(enter, leave, call.failed)

POINTCUTS = [
    Pointcut(
        module="aiohttp.client",
        target="ClientSession._request",
        advice=f"{__name__}:REQUEST",
        args=("self", "method", "str_or_url", "headers"),
        replaces=("headers",),
        kind="client",
        scope=call.SCOPE,
        versions="aiohttp>=3.8.3",
    ),
]
