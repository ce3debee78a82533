"""requests: a client span for each request its adapter sends, so redirects are spans of their own."""

from collections.abc import Iterator, MutableMapping
from typing import Any

from weftline.agent import call, foreign
from weftline.agent.plugins import http_client
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


class Later(Carrier):
    """As :class:`Carrier`, but what is added is left to http.client."""

    __slots__ = ("lines", "outer", "written")

    def __init__(self, store: dict[str, tuple[str, str]]) -> None:
        self._store = store
        self.lines: list[bytes] = []
        self.written = False
        self.outer = http_client.left.get()

    def __setitem__(self, name: str, value: str) -> None:
        if not value.isprintable():  # http.client, which would refuse it, doesn't look at these
            raise ValueError(f"{name} is no header's value")
        self.lines.append(f"{name}: {value}".encode("latin-1"))

    def __delitem__(self, name: str) -> None:
        """It has never been there."""


_leaves = True
"""Whether headers are left to http.client. Not any more once it did not write them: requests may be taught to send in
other ways."""


def enter(request: Any) -> call.Call | None:
    """Begins the span, unless this call is not to be traced, and adds the headers to the prepared request."""
    if foreign.suppressed():
        return None
    traced = foreign.instruments("requests", "RequestsInstrumentor")
    headers = request.headers
    store = getattr(headers, "_store", None)
    carrier = (Later if _leaves else Carrier)(store) if isinstance(store, dict) else headers
    begun = call.begin(_LIBRARY, request.method or "", request.url or "", carrier, traced)
    if begun is not None and type(carrier) is Later:
        http_client.left.set(carrier)
    return begun


def leave(token: call.Call | None, response: Any) -> None:
    """Ends the span; the body may still be read."""
    global _leaves  # noqa: PLW0603 - what has been seen once holds for the process
    if token is not None:
        later = token.headers
        if type(later) is Later:
            http_client.left.set(later.outer)
            if not later.written:
                _leaves = False
        call.answered(token, response.status_code, response.headers)


def failed(token: call.Call | None, exception: BaseException) -> None:
    """Ends the span of a call that brought no answer."""
    if token is not None:
        later = token.headers
        if type(later) is Later:
            http_client.left.set(later.outer)
        call.failed(token, exception)


SEND = Advice(enter, leave, failed)

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
