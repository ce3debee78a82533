"""Hands log records to an edge, or any OTLP receiver, over OTLP/HTTP; waits for as long as it takes."""

import http.client
import logging
import threading
import urllib.error
import urllib.request

from weftline.collector.errors import BadMessage, TryLater

logger = logging.getLogger(__name__)

_LATER = frozenset({408, 429, 500, 502, 503, 504})


class OtlpSender:
    """``endpoint`` as in OTEL_EXPORTER_OTLP_ENDPOINT: the logs go to its /v1/logs, with ``token`` if there is one."""

    def __init__(self, endpoint: str, *, token: str = "", timeout: float = 30.0) -> None:
        self._token = token
        self._url = endpoint.rstrip("/") + "/v1/logs"
        self._timeout = timeout

    def send(self, request: bytes) -> None:
        """Returns when the receiver has taken it. Raises `TryLater`, or `BadMessage` when it never will."""
        message = urllib.request.Request(  # noqa: S310 - the operator's own URL
            self._url, data=request, headers={"Content-Type": "application/x-protobuf"}
        )
        if self._token:
            message.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(message, timeout=self._timeout) as answer:  # noqa: S310
                answer.read()
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()[:500].decode("utf-8", "replace")
            if error.code in (401, 403):
                # The lines are well; they wait for a token that is.
                raise TryLater(f"{self._url} answers {error.code}; set WEFTLINE_TOKEN: {text}", 5.0) from None
            if error.code in _LATER:
                raise TryLater(
                    f"{self._url} answers {error.code}.", _seconds(error.headers.get("Retry-After"))
                ) from None
            raise BadMessage(f"{self._url} answers {error.code}: {text}") from None
        except (OSError, http.client.HTTPException) as error:
            raise TryLater(f"{self._url} does not answer: {error}") from None

    def send_until_taken(self, request: bytes, stop: threading.Event) -> bool:
        """False if ``stop`` was set before. Raises `BadMessage`."""
        seconds = 0.2
        while True:
            try:
                self.send(request)
            except TryLater as error:
                logger.warning("Lines wait in their files seconds=%.1f: %s", max(seconds, error.seconds), error)
                if stop.wait(max(seconds, error.seconds)):
                    return False
                seconds = min(seconds * 2, 5.0)
            else:
                return True


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdigit() else 1.0
