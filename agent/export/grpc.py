"""One OTLP/gRPC endpoint: the same bytes as over HTTP, as the message of a unary call.

grpcio is imported at the first export: with asyncio and ssl behind it, earlier it would break gevent. It works in
threads of its own, which a fork does not copy: the channel is closed before one if it is idle (its threads then end),
and a child opens its own. Where gevent has replaced threads a call would stop every greenlet: it runs in gevent's
thread pool.
"""

import functools
import importlib
import sys
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, Final

from weftline.agent import foreign
from weftline.agent.export.answer import rejected, retry_delay
from weftline.agent.export.send import Outcome

MISSING: Final = "grpcio is not installed (pip install grpcio, or OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf)"

METHODS: Final = {
    "/v1/traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "/v1/logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
"""OTLP's gRPC methods by its HTTP paths."""

_RETRY: Final = frozenset(("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"))
"""The codes OTLP lets a client retry; RESOURCE_EXHAUSTED too, if the server says when."""
_DETAILS: Final = "grpc-status-details-bin"
_OPTIONS: Final = (("grpc.initial_reconnect_backoff_ms", 250), ("grpc.max_reconnect_backoff_ms", 5000))
"""gRPC's own longest wait is two minutes, in which each of our retries would fail at once."""

_of_the_parent: list[Any] = []
"""Channels that were in use when this process was forked: never touched again, not even by their end."""


class GrpcSender:
    """Calls one method of the collector at a URL's host and port. Not for use by two threads at once."""

    def __init__(
        self, url: str, method: str, headers: Mapping[str, str], *, timeout: float, compress: bool, certificate: str
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        self.url = url
        self._secure = parts.scheme == "https"
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        self._target = f"{host}:{parts.port or (443 if self._secure else 80)}"
        self._method = method
        self._metadata = tuple((name.lower(), value) for name, value in headers.items())
        self._timeout = timeout
        self._compress = compress
        self._certificate = certificate
        self._channel: Any = None
        self._call: Callable[..., bytes] | None = None

    def send(self, body: bytes) -> Outcome:
        """Makes one call. Never raises."""
        try:
            import grpc
        except ImportError:
            return Outcome(ok=False, reason=MISSING)
        try:
            if self._call is None:
                self._call = self._connect(grpc)
            answer = _outside_of_gevent(functools.partial(self._unary, grpc, self._call, body))
        except grpc.RpcError as error:
            return _outcome(error)
        except (OSError, ValueError) as error:  # no such certificate, a channel closed meanwhile
            self.close()
            return Outcome(ok=False, reason=f"{type(error).__name__}: {error}")
        return Outcome(ok=True, rejected=rejected(answer))

    def close(self) -> None:
        """Closes the channel; the next call opens another."""
        channel, self._channel, self._call = self._channel, None, None
        if channel is not None:
            channel.close()

    def before_fork(self) -> None:
        """Called while nothing is being sent: gRPC's threads end with the channel."""
        self.close()

    def forget(self) -> None:
        """In a forked child: a channel that is still here was in use in the parent."""
        if self._channel is not None:
            _of_the_parent.append((self._channel, self._call))
        self._channel = self._call = None

    def _unary(self, grpc: Any, call: Callable[..., bytes], body: bytes) -> bytes:
        compression = grpc.Compression.Gzip if self._compress else None
        with foreign.suppressing():  # gRPC is woven, and may be instrumented
            return call(body, timeout=self._timeout, metadata=self._metadata, compression=compression)

    def _connect(self, grpc: Any) -> Callable[..., bytes]:
        if self._secure:
            trust = None
            if self._certificate:
                with open(self._certificate, "rb") as file:  # noqa: PTH123 - pathlib may not be there yet
                    trust = file.read()
            credentials = grpc.ssl_channel_credentials(root_certificates=trust)
            self._channel = grpc.secure_channel(self._target, credentials, options=_OPTIONS)
        else:
            self._channel = grpc.insecure_channel(self._target, options=_OPTIONS)
        call: Callable[..., bytes] = self._channel.unary_unary(self._method)
        return call


def _outside_of_gevent(work: Callable[[], bytes]) -> bytes:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return work()
    try:
        answer: bytes = importlib.import_module("gevent").get_hub().threadpool.apply(work)
    except RuntimeError:  # an interpreter that shuts down starts no threads; nobody is left who would have to wait
        return work()
    return answer


def _outcome(error: Any) -> Outcome:
    code: str = error.code().name
    details = next((value for name, value in error.trailing_metadata() or () if name == _DETAILS), b"")
    after = retry_delay(details)
    retry = code in _RETRY or (code == "RESOURCE_EXHAUSTED" and after is not None)
    return Outcome(ok=False, retry=retry, after=after or 0.0, reason=f"status {code}")
