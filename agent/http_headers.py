"""HTTP headers that the user asks to have recorded: `OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_…`, whose values are
those of opentelemetry-python-contrib; attributes are named as the semantic conventions have it, dashes kept.

What isn't asked for is None here, and costs the servers' and clients' plugins one look at it.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from weftline.agent.plugins.logging import is_secret
from weftline.agent.record import Span, limits
from weftline.agent.settings import Settings

REDACTED: Final = "[REDACTED]"
_CREDENTIALS: Final = frozenset(("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"))
"""Never recorded, besides those whose names say that they are secret, whatever is asked for."""
_KEPT: Final = 1024
"""Names kept: callers choose them, so there may be any number."""

Headers = Iterable[tuple[Any, Any]]
"""Names and values, texts or latin-1 bytes; those that are repeated, repeated."""


class Capture:
    """One direction's headers. `patterns` are regular expressions of whole names, `sanitized` of parts of names whose
    values are replaced; both in any case. Raises `re.error`."""

    def __init__(self, prefix: str, patterns: Iterable[str], sanitized: Iterable[str]) -> None:
        wanted = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]
        hidden = [re.compile(pattern, re.IGNORECASE) for pattern in sanitized]

        @functools.lru_cache(maxsize=_KEPT)
        def find(name: str) -> tuple[str, bool] | None:
            if not any(pattern.fullmatch(name) for pattern in wanted):
                return None
            key = name.lower()
            secret = key in _CREDENTIALS or is_secret(key) or any(pattern.search(name) for pattern in hidden)
            return prefix + key, secret

        self._find = find

    def note(self, attributes: dict[str, Any], headers: Headers) -> None:
        """Records those of `headers` that are wanted: for each name the values in their order."""
        found: dict[str, tuple[str, ...]] = {}
        for name, value in headers:
            known = self._find(_text(name))
            if known is not None:
                key, secret = known
                found[key] = (*found.get(key, ()), REDACTED if secret else _text(value))
        for key, values in found.items():
            if len(attributes) < limits.attributes:
                attributes[key] = values

    def note_on(self, span: object, headers: Headers) -> None:
        """The same on a span, if it is one that records."""
        if isinstance(span, Span) and span.is_recording():
            self.note(span.attributes, headers)


server_request: Capture | None = None
server_response: Capture | None = None
client_request: Capture | None = None
client_response: Capture | None = None


def configure(options: Settings) -> None:
    """Sets what this process records."""
    global server_request, server_response, client_request, client_response  # noqa: PLW0603 - a process has one agent

    def capture(kind: str, patterns: tuple[str, ...]) -> Capture | None:
        return Capture(f"http.{kind}.header.", patterns, options.sanitized_headers) if patterns else None

    server_request = capture("request", options.server_request_headers)
    server_response = capture("response", options.server_response_headers)
    client_request = capture("request", options.client_request_headers)
    client_response = capture("response", options.client_response_headers)


def received(request: Any) -> Iterator[tuple[Any, Any]]:
    """The headers of what a server's plugin describes: a WSGI environ, an ASGI scope, a tuple that begins with one of
    them, or an object with `headers`."""
    if isinstance(request, tuple):
        request = request[0]
    if not isinstance(request, dict):
        headers = getattr(request, "headers", None)
        every = getattr(headers, "get_all", None) or getattr(headers, "items", None)
        yield from every() if every is not None else ()
    elif "REQUEST_METHOD" in request:
        for key, value in request.items():
            if key.startswith("HTTP_"):
                yield key[5:].replace("_", "-").lower(), value
            elif key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
                yield key.replace("_", "-").lower(), value
    else:
        yield from request["headers"]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
