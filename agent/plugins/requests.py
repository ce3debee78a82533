"""requests: a client span for each request its adapter sends, so redirects are spans of their own."""

from collections.abc import Iterator, MutableMapping
from typing import Any

from weftline.agent import call, foreign
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = "weftline.agent.requests"


class Carrier(MutableMapping[str, str]):
    """A prepared request's headers, changed in place: the dict in which requests keeps them, as (as sent, value) by
    their names in lower case. Each step through requests' own mapping is several functions."""

    __slots__ = ("_store",)

    def __init__(self, store: dict[str, tuple[str, str]]) -> None:
        self._store = store

    def __getitem__(self, name: str) -> str:
        return self._store[name.lower()][1]

    def __setitem__(self, name: str, value: str) -> None:
        self._store[name] = name, value

    def __delitem__(self, name: str) -> None:
        del self._store[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._store)

    def __len__(self) -> int:
        return len(self._store)


def enter(request: Any) -> call.Call | None:
    """Begins the span, unless this call is not to be traced, and adds the headers to the prepared request."""
    if foreign.suppressed():
        return None
    traced = foreign.instruments("requests", "RequestsInstrumentor")
    headers = request.headers
    store = getattr(headers, "_store", None)
    carrier = Carrier(store) if isinstance(store, dict) else headers
    return call.begin(_LIBRARY, request.method or "", request.url or "", carrier, traced)


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
