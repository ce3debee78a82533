"""OTLP/HTTP, protobuf: POST /v1/traces and /v1/logs; and the edge's GET /health and /metrics.

An ASGI application without a framework: per request it only reads the body and passes it on.
Status codes and bodies follow the OTLP specification 1.x, section "OTLP/HTTP Response".
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from google.rpc.status_pb2 import Status
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from weftline.collector.edge.decompress import decompress
from weftline.collector.edge.otlp import Receiver
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.store.protocol import Signal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PROTOBUF = "application/x-protobuf"
SIGNALS = {"/v1/traces": Signal.SPANS, "/v1/logs": Signal.LOGS}

# google.rpc.Code
_INVALID_ARGUMENT, _UNAVAILABLE = 3, 14


class _TooLarge(BadMessage):
    pass


class OtlpHttp:
    """The ASGI application."""

    def __init__(self, receiver: Receiver, *, max_request_bytes: int) -> None:
        self._receiver = receiver
        self._limit = max_request_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path in SIGNALS:
            if method == "POST":
                await self._export(SIGNALS[path], scope, receive, send)
            else:
                await _respond(send, 405, b"Use POST.\n", "text/plain", [(b"allow", b"POST")])
        elif path == "/health" and method == "GET":
            await self._health(send)
        elif path == "/metrics" and method == "GET":
            await _respond(send, 200, generate_latest(), CONTENT_TYPE_LATEST)
        else:
            known = ", ".join(f"POST {name}" for name in SIGNALS)
            await _respond(
                send,
                404,
                f"Nothing is here. There are {known}, GET /health, GET /metrics.\n".encode(),
                "text/plain",
            )

    async def _export(self, signal: Signal, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        content_type = headers.get(b"content-type", "").partition(";")[0].strip().lower()
        if content_type != PROTOBUF:
            error = BadMessage(f"Content-Type {content_type!r} is not supported; {PROTOBUF} is.")
            self._receiver.refused(signal, "content_type", error)
            await _fail(send, 415, _INVALID_ARGUMENT, error)
            return
        try:
            body = await self._body(headers, receive)
            message = decompress(body, headers.get(b"content-encoding", "").lower(), self._limit)
        except BadMessage as error:
            large = isinstance(error, _TooLarge)
            self._receiver.refused(signal, "too_large" if large else "encoding", error)
            await _fail(send, 413 if large else 400, _INVALID_ARGUMENT, error)
            return
        try:
            await self._receiver.receive(signal, message)
        except BadMessage as error:
            await _fail(send, 400, _INVALID_ARGUMENT, error)
        except TryLater as error:
            seconds = str(max(1, round(error.seconds))).encode()
            await _fail(send, 503, _UNAVAILABLE, error, [(b"retry-after", seconds)])
        else:
            # An Export…ServiceResponse without partial_success is an empty message.
            await _respond(send, 200, b"", PROTOBUF)

    async def _body(self, headers: dict[bytes, str], receive: Receive) -> bytes:
        if int(headers.get(b"content-length", "0")) > self._limit:
            raise _TooLarge(f"The body is larger than {self._limit} bytes.")
        parts, size = [], 0
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise BadMessage("The sender hung up before the body was whole.")
            parts.append(event.get("body", b""))
            size += len(parts[-1])
            if size > self._limit:
                raise _TooLarge(f"The body is larger than {self._limit} bytes.")
            if not event.get("more_body"):
                return b"".join(parts)

    async def _health(self, send: Send) -> None:
        try:
            await self._receiver.bus.check()
        except TryLater as error:
            body = {"status": "unavailable", "reason": str(error)}
            await _respond(send, 503, json.dumps(body).encode(), "application/json")
        else:
            await _respond(send, 200, b'{"status": "ok"}', "application/json")


async def _fail(
    send: Send, status: int, code: int, error: Exception, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    body = Status(code=code, message=str(error)).SerializeToString()
    await _respond(send, status, body, PROTOBUF, headers)


async def _respond(
    send: Send, status: int, body: bytes, content_type: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    fields = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        *(headers or []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
