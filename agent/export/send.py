"""One OTLP/HTTP endpoint: a kept-alive connection, one request at a time.

`http.client` (and with it ssl) is imported at the first request: earlier than the application it would break gevent.
"""

import os
import sys
import time
import urllib.parse
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from weftline.agent.export.answer import rejected

if TYPE_CHECKING:
    import http.client
    import socket

_RETRY: Final = frozenset((429, 502, 503, 504))
"""The codes OTLP lets a client retry."""
_GZIP: Final = 31
"""zlib's window size that means gzip."""
_FASTEST: Final = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request. `retry` says that the same bytes may be sent again, not before `after` seconds;
    `rejected` is how many of the items the collector did not take from a request it otherwise accepted."""

    ok: bool
    retry: bool = False
    after: float = 0.0
    reason: str = ""
    rejected: int = 0


class Sender:
    """Sends request bodies to one URL. Not for use by two threads at once."""

    def __init__(
        self, url: str, headers: Mapping[str, str], *, timeout: float, compress: bool, certificate: str
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        self.url = url
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        self._headers = {"content-type": "application/x-protobuf", "user-agent": "weftline-agent", **headers}
        self._timeout = timeout
        self._compress = compress
        self._certificate = certificate
        if compress:
            self._headers["content-encoding"] = "gzip"
        self._connection: http.client.HTTPConnection | None = None

    def send(self, body: bytes) -> Outcome:
        """Posts one request. Never raises; a kept connection the server has closed meanwhile is replaced once."""
        if self._compress:
            packer = zlib.compressobj(_FASTEST, wbits=_GZIP)
            body = packer.compress(body) + packer.flush()
        kept = self._connection is not None
        outcome = self._post(body)
        return self._post(body) if kept and outcome.retry and outcome.reason == "connection" else outcome

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def before_fork(self) -> None:
        """Called while nothing is being sent: the connection may stay."""

    def forget(self) -> None:
        """In a forked child: the connection is the parent's, so only this process's descriptor of it is closed."""
        if self._connection is not None and self._connection.sock is not None:
            os.close(self._connection.sock.detach())
        self._connection = None

    def _post(self, body: bytes) -> Outcome:
        import http.client

        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.request("POST", self._target, body, self._headers)
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return Outcome(ok=False, retry=True, reason="connection")
        if 200 <= response.status < 300:
            return Outcome(ok=True, rejected=rejected(answer))
        return Outcome(
            ok=False,
            retry=response.status in _RETRY,
            after=_seconds(response.headers.get("retry-after")),
            reason=f"status {response.status}",
        )

    def _connect(self) -> "http.client.HTTPConnection":
        import http.client

        if not self._secure:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        else:
            import ssl

            trust = ssl.create_default_context(cafile=self._certificate or None)
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=trust)
        if "gevent" in sys.modules:
            connection._create_connection = _reach  # type: ignore[attr-defined]  # noqa: SLF001 - all that is to be other
        return connection


def _reach(address: tuple[str, int], timeout: float, source: None = None) -> "socket.socket":
    """`socket.create_connection`, also at the end: gevent looks names up in threads, and since Python 3.12 an
    interpreter that shuts down starts none. There is nobody left then who could be made to wait."""
    import _socket
    import importlib
    import socket

    try:
        return socket.create_connection(address, timeout, source)
    except RuntimeError:
        monkey = importlib.import_module("gevent.monkey")
        for family, kind, protocol, _, resolved in _socket.getaddrinfo(*address, 0, socket.SOCK_STREAM):
            plain: socket.socket = monkey.get_original("socket", "socket")(family, kind, protocol)
            plain.settimeout(timeout)
            try:
                plain.connect(resolved)
            except OSError:
                plain.close()
                continue
            return plain
        raise OSError(f"{address[0]} can't be reached") from None


def _seconds(retry_after: str | None) -> float:
    """Retry-After's seconds, given as a number or as a date; 0 when there is none or it makes no sense."""
    if not retry_after:
        return 0.0
    if retry_after.strip().isdigit():
        return float(retry_after)
    import email.utils

    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return 0.0
