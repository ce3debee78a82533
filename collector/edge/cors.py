"""Cross-origin requests: browsers send OTLP straight to the edge if the operator allows their pages' origins. Pure.

The Fetch standard, "CORS protocol". Credentials are never allowed: an export needs no cookies, and a page of another
origin that asks the query service has a token of its own.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

Headers = list[tuple[bytes, bytes]]

_MAX_AGE = b"7200"
"""Seconds a browser may remember the answer; Chromium remembers no longer."""


class Cors:
    """``allowed_origins``: `https://shop.example`, with `*` for any characters; none: cross-origin requests fail."""

    def __init__(
        self, allowed_origins: Sequence[str], *, methods: bytes = b"POST", exposed: bytes = b"Retry-After"
    ) -> None:
        self._allowed = tuple(origin.lower() for origin in allowed_origins)
        self._methods = methods
        self._exposed = exposed

    def answer(self, headers: Mapping[bytes, str]) -> Headers:
        """What an answer to a request with these headers must carry so that the page may read it."""
        origin = headers.get(b"origin", "")
        if not self._allowed:
            return []
        if not origin or not any(fnmatchcase(origin.lower(), allowed) for allowed in self._allowed):
            return [(b"vary", b"Origin")]
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", self._exposed),
            (b"vary", b"Origin"),
        ]

    def preflight(self, headers: Mapping[bytes, str]) -> Headers | None:
        """What a preflight is answered with (204); None if it isn't one or its origin is not allowed."""
        answer = self.answer(headers)
        if b"access-control-request-method" not in headers or len(answer) < 2:
            return None
        asked = headers.get(b"access-control-request-headers", "content-type")
        return [
            *answer,
            (b"access-control-allow-methods", self._methods),
            (b"access-control-allow-headers", asked.encode("latin-1")),
            (b"access-control-max-age", _MAX_AGE),
        ]
