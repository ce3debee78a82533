"""A WSGI body that is made while it is sent, by a server without a cut of ours (uWSGI, mod_wsgi): it stays in its
request. Servers with a cut need nothing of this: they end the request when its body is sent.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry.context.context import Context

from weftline.agent import context, serve
from weftline.agent.weave import guard

_WHERE: Final = "weftline.agent.wsgi_body"
_MADE: Final = frozenset((list, tuple, bytes))
"""Types of bodies of which nothing is made while they are sent."""


def answered(answering: tuple[context.Transaction, Mapping[str, Any]], body: Any) -> Any:
    """The application has returned a body to a request and its environ; what to return in its place. The request ends
    here, unless the body is still to be made."""
    request, environ = answering
    if is_made(body, environ):
        serve.finish(request)
        return body
    inside = context.current()
    context.leave(request.previous)
    return Body(request, body, inside)


def is_made(body: Any, environ: Mapping[str, Any]) -> bool:
    """Whether nothing of the application runs any more while a body is sent; also when the server sends it by itself,
    out of a file, for which it must get its own object back."""
    if type(body) in _MADE:
        return True
    callbacks = getattr(body, "_callbacks", None)  # werkzeug's body closes its response, which knows
    if callbacks:
        response = getattr(callbacks[-1], "__self__", None)
        return type(getattr(response, "response", None)) in _MADE or getattr(response, "is_streamed", True) is False
    if getattr(body, "streaming", None) is False:  # Django's responses say so
        return True
    wrapper = environ.get("wsgi.file_wrapper")
    return hasattr(body, "read") or (isinstance(wrapper, type) and isinstance(body, wrapper))


class Body:
    """Is inside the request each time that a part is asked for and while it is closed, which ends the request. In
    everything else it is the application's own.

    Servers close what can be closed; a body that can't be ends the request with its last part, one that never is when
    it is let go."""

    __slots__ = ("_body", "_inside", "_next", "_request")

    def __init__(self, request: context.Transaction, body: Any, inside: Context) -> None:
        self._request: context.Transaction | None = request
        self._body = body
        self._inside = inside
        self._next: Callable[[], Any] | None = None

    def __iter__(self) -> "Body":
        return self

    def __next__(self) -> Any:
        outside = context.current()
        context.attach(self._inside)
        try:
            if self._next is None:
                self._next = iter(self._body).__next__
            return self._next()
        except StopIteration:
            if not hasattr(self._body, "close"):
                self._end(outside)
            raise
        except BaseException as exception:
            self._end(outside, exception)
            raise
        finally:
            if self._request is not None:
                self._inside = context.current()  # what the application has made current stays so for its next part
            context.attach(outside)

    def close(self) -> None:
        """Closes the application's body, as often as the server closes this one."""
        outside = context.current()
        context.attach(self._inside)
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except BaseException as exception:
            self._end(outside, exception)
            raise
        finally:
            self._end(outside)
            context.attach(outside)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def __del__(self) -> None:
        self._end(context.current())

    def _end(self, outside: Context, exception: BaseException | None = None) -> None:
        request, self._request = self._request, None
        if request is None:
            return
        try:
            request.previous = outside
            serve.finish(request, exception)
        except Exception as failure:  # noqa: BLE001 - the server calls it, not woven code
            guard.contained(failure, _WHERE)
