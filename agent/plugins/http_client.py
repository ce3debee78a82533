"""http.client, and urllib.request on top of it: a client span from the request to the answer's headers.

The lowest layer: below any other client of the agent's it does nothing, but write the headers that such a client has
left to it (:class:`Left`). The agent's own exporter and whoever suppresses instrumentation are left alone.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, Final, Protocol

from weftline.agent import call, context, foreign, semconv
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.propagate import w3c
from weftline.agent.sample import SAMPLED

_LIBRARY = "weftline.agent.http_client"
_CALL = "_weftline_call"
_OURS = "weftline-agent"


class Carrier(MutableMapping[str, str]):
    """A copy of a request's headers, repeated ones, order and case as they came; found in any case."""

    def __init__(self, headers: Mapping[str, str] | None) -> None:
        self._pairs = list(headers.items()) if headers else []
        self._names = {str(name).lower(): value for name, value in self._pairs}

    def __getitem__(self, name: str) -> str:
        return self._names[name.lower()]

    def __setitem__(self, name: str, value: str) -> None:
        self._names[name.lower()] = value
        self._pairs.append((name, value))

    def __delitem__(self, name: str) -> None:
        del self._names[name.lower()]
        self._pairs = [pair for pair in self._pairs if str(pair[0]).lower() != name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._pairs])

    def __len__(self) -> int:
        return len(self._pairs)

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]  # a view of a mapping could not repeat names
        """Every header, also those that are repeated."""
        return list(self._pairs)


class Left(Protocol):
    """Headers that a client above leaves to be written with a request's last line: on their way through urllib3 and
    http.client each costs a third of what else the agent does for a call.

    `lines` have no line end. `written` is set when they are written."""

    lines: list[bytes]
    written: bool


left: Final[ContextVar[Left | None]] = ContextVar("weftline-headers-left", default=None)
"""What the client around leaves; it takes it back when its call is over."""


def ending(self: Any) -> None:
    """The last header of a request has been put, and all of them are about to be written."""
    found = left.get()
    if found is not None:
        self._buffer.extend(found.lines)  # where `putheader` puts them
        found.written = True


def covered(headers: Mapping[str, str] | None = None) -> bool:
    """Whether a span that stands for this call is there already, or it is not to be traced. Sampled out there is no
    span: there it is told by `headers`, which are as a layer above has left them."""
    if left.get() is not None:
        return True
    current = context.current().get(context.SPAN_KEY)
    if type(current) is context.Transaction and headers and not current.flags & SAMPLED:
        carried = w3c.traceparent(current.trace_id, current.span_id, current.flags)
        return headers.get(semconv.TRACEPARENT) == carried or foreign.suppressed()
    return getattr(current, "scope", "") == call.SCOPE or foreign.suppressed()


def authority(host: str, port: int | None) -> str:
    """`host:port` as a URL has it."""
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return bracketed if port is None else f"{bracketed}:{port}"


def enter(
    self: Any, method: str, url: str, headers: Mapping[str, str]
) -> tuple[Mapping[str, str], tuple[Any, call.Call | None]]:
    """Begins the span; only while the request is written is it the current one."""
    if covered(headers) or (headers or {}).get("user-agent") == _OURS:
        return headers, (self, None)
    traced = foreign.instruments("urllib", "URLLibInstrumentor")
    copied = Carrier(headers)
    token = call.begin(_LIBRARY, method, _url(self, url), copied, traced)
    return copied, (self, token)


def sent(token: tuple[Any, call.Call | None] | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """The request is written; its span waits on the connection for the answer."""
    if token is None:
        return
    connection, begun = token
    if begun is not None:
        if begun.span is not None and begun.previous is not None:
            context.leave_if_current(begun.span, begun.previous)
        setattr(connection, _CALL, begun)


def failed(token: tuple[Any, call.Call | None] | None, exception: BaseException) -> None:
    """The request could not be written: no connection, or it broke."""
    if token is not None:
        call.failed(token[1], exception)


def waiting(self: Any) -> call.Call | None:
    """The connection waits for its answer."""
    begun: call.Call | None = self.__dict__.pop(_CALL, None)
    return begun


def answered(token: call.Call | None, response: Any) -> None:
    """Ends the span; the body may still be read."""
    if token is not None:
        call.answered(token, response.status, response.headers)


def _url(connection: Any, url: str) -> str:
    if "://" in url:
        return url
    scheme = "https" if connection.default_port == 443 else "http"
    host, port = connection.host, connection.port
    if getattr(connection, "_tunnel_host", None):
        host, port = connection._tunnel_host, connection._tunnel_port  # noqa: SLF001 - the only place it is kept
    return f"{scheme}://{authority(host, port)}{url}"


REQUEST = Advice(enter, sent, failed)
RESPONSE = Advice(waiting, answered, call.failed)
END = Advice(ending)

POINTCUTS = [
    Pointcut(
        module="http.client",
        target="HTTPConnection.request",
        advice=f"{__name__}:REQUEST",
        args=("self", "method", "url", "headers"),
        replaces=("headers",),
        kind="client",
        scope=call.SCOPE,
    ),
    Pointcut("http.client", "HTTPConnection.endheaders", f"{__name__}:END", ("self",), "observe"),
    Pointcut(
        module="http.client",
        target="HTTPConnection.getresponse",
        advice=f"{__name__}:RESPONSE",
        args=("self",),
        kind="client",
        scope=call.SCOPE,
    ),
]
