"""httpx, its synchronous and its asynchronous client: a client span for each request sent, redirects included."""

import itertools
import operator
from collections.abc import Iterator, MutableMapping
from typing import Any, Final

from weftline.agent import call, foreign
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = "weftline.agent.httpx"
_LOWER: Final = operator.itemgetter(1)
_LATIN_1: Final = itertools.repeat("latin-1")


class Carrier(MutableMapping[str, str]):
    """A request's headers, changed in place: the list that httpx keeps of them, as (as sent, in lower case, value).

    Through httpx' own mapping it costs three times as much to add two headers and take them off again as to do all the
    rest of a call: each step goes over all headers more than once."""

    __slots__ = ("_list",)

    def __init__(self, entries: list[tuple[bytes, bytes, bytes]]) -> None:
        self._list = entries

    def __getitem__(self, name: str) -> str:
        key = name.lower().encode("latin-1")
        found = [value.decode("latin-1") for _, lower, value in self._list if lower == key]
        if not found:
            raise KeyError(name)
        return ", ".join(found)

    def __setitem__(self, name: str, value: str) -> None:
        """Adds a header; the steps of a call only add what isn't there."""
        key = name.encode("latin-1")
        self._list.append((key, key, value.encode("latin-1", "replace")))

    def __delitem__(self, name: str) -> None:
        key, entries = name.encode("latin-1"), self._list
        for index in range(len(entries) - 1, -1, -1):  # ours are the last
            if entries[index][1] == key:
                del entries[index]
                return
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(map(str, map(_LOWER, self._list), _LATIN_1)))

    def __len__(self) -> int:
        return len(self._list)


def enter(request: Any) -> call.Call | None:
    """Begins the span, unless this call is not to be traced, and adds the headers to the request."""
    if foreign.suppressed():
        return None
    traced = foreign.instruments("httpx", "HTTPXClientInstrumentor")
    headers = request.headers
    entries = getattr(headers, "_list", None)
    carrier = Carrier(entries) if type(entries) is list else headers
    return call.begin(_LIBRARY, request.method, request.url, carrier, traced)


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
