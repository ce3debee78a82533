"""The edge's HTTP port: every HTTP receiver's POST paths, GET /health and GET /metrics.

An ASGI application without a framework: it reads the body under the limits, undoes its encoding, has it converted to
OTLP in protobuf, and answers once it is durable. What a path takes and how it answers is in `route`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from weftline.collector.access.gate import OPEN, Access
from weftline.collector.access.identity import Denied, Role
from weftline.collector.bus.protocol import Bus
from weftline.collector.edge.admission import Admission, Hold, OverCapacity, RateLimit
from weftline.collector.edge.cors import Cors, Headers
from weftline.collector.edge.decompress import TooLarge, decompress
from weftline.collector.edge.route import (
    INVALID_ARGUMENT,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Dialect,
    Route,
    text,
)
from weftline.collector.errors import BadMessage, TryLater

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_SMALL = 16 * 1024
"""Bytes of a body that is decoded on the event loop; a larger one must not keep the others waiting."""

_NOT_TAKEN = Dialect("text/plain", bytes, lambda _: (200, b""), text)


class _TooSlow(BadMessage):
    pass


@dataclass(frozen=True, slots=True)
class HttpApp:
    """The ASGI application. ``max_request_bytes`` holds before and after decompression."""

    routes: Mapping[str, Route]
    bus: Bus
    admission: Admission
    rate: RateLimit
    cors: Cors
    max_request_bytes: int
    read_seconds: float
    """How long a body may take to arrive."""
    access: Access = OPEN
    """Who may send, and whose rows it makes. /health and /metrics ask nobody: they hold nothing that was sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        route = self.routes.get(path)
        if route is not None:
            headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
            if method == "POST":
                await self._export(route, scope, headers, receive, send)
            elif method == "OPTIONS" and (answer := self.cors.preflight(headers)) is not None:
                await _respond(send, 204, b"", "", answer)
            else:
                await _respond(send, 405, b"Use POST.\n", "text/plain", [(b"allow", b"POST")])
        elif path == "/health" and method == "GET":
            await self._health(send)
        elif path == "/metrics" and method == "GET":
            await _respond(send, 200, generate_latest(), CONTENT_TYPE_LATEST)
        else:
            there = ", ".join(f"POST {name}" for name in self.routes)
            what = f"Nothing is here. There are {there}, GET /health, GET /metrics.\n"
            await _respond(send, 404, what.encode(), "text/plain")

    async def _export(
        self, route: Route, scope: Scope, headers: dict[bytes, str], receive: Receive, send: Send
    ) -> None:
        content_type = headers.get(b"content-type", "").partition(";")[0].strip().lower()
        dialect = route.dialects.get(content_type)
        sender = scope["client"][0] if scope.get("client") else ""
        try:
            tenant = self.access.admit(scope["headers"], sender, Role.WRITE).tenant
        except Denied as error:
            status, body, more = _turned_away(route, dialect or _NOT_TAKEN, error)
        else:
            read = partial(self._body, headers, receive)
            status, body, more = await self._outcome(route, dialect, headers, read, (sender, tenant))
        await _respond(send, status, body, (dialect or _NOT_TAKEN).content_type, more + self.cors.answer(headers))

    async def _outcome(
        self,
        route: Route,
        dialect: Dialect | None,
        headers: dict[bytes, str],
        read: Callable[[Hold], Awaitable[bytes]],
        whose: tuple[str, str],
    ) -> tuple[int, bytes, Headers]:
        """Status, body and further headers of the answer to a request of ``whose`` sender and tenant."""
        sender, tenant = whose
        if dialect is None:
            error = BadMessage(
                f"Content-Type {headers.get(b'content-type', '')!r} is not supported; {', '.join(route.dialects)} is."
            )
            route.receiver.refused(route.signal, "content_type", error)
            return 415, text(INVALID_ARGUMENT, str(error)), []
        with self.admission.hold() as hold:
            try:
                self.rate.check(sender)
                body = await read(hold)
                encoding = headers.get(b"content-encoding", "").strip().lower()
                message = await self._decode(dialect, body, encoding, hold)
                self.rate.charge(sender, max(len(body), len(message)))
            except BadMessage as error:
                status, reason = _refusal(error)
                route.receiver.refused(route.signal, reason, error)
                return status, dialect.failed(INVALID_ARGUMENT, str(error)), []
            except TryLater as error:
                route.receiver.later(route.signal, error)
                return _later(dialect, error)
            try:
                taken = await route.receive(message, hold, tenant)
            except BadMessage as error:
                return 400, dialect.failed(INVALID_ARGUMENT, str(error)), []
            except TryLater as error:
                return _later(dialect, error)
        return *dialect.accepted(taken), []

    async def _body(self, headers: dict[bytes, str], receive: Receive, hold: Hold) -> bytes:
        announced = int(headers.get(b"content-length", "0"))
        if announced > self.max_request_bytes:
            raise TooLarge(f"The body is larger than {self.max_request_bytes} bytes.")
        hold.grow(announced)
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.read_seconds):
                while True:
                    event = await receive()
                    if event["type"] == "http.disconnect":
                        raise BadMessage("The sender hung up before the body was whole.")
                    parts.append(event.get("body", b""))
                    size += len(parts[-1])
                    if size > self.max_request_bytes:
                        raise TooLarge(f"The body is larger than {self.max_request_bytes} bytes.")
                    hold.grow(size)
                    if not event.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            raise _TooSlow(f"The body was not whole after {self.read_seconds:g} seconds.") from None

    async def _decode(self, dialect: Dialect, body: bytes, encoding: str, hold: Hold) -> bytes:
        def decode() -> bytes:
            return dialect.decode(decompress(body, encoding, self.max_request_bytes))

        if len(body) <= _SMALL or (dialect.decode is bytes and not encoding):
            message = decode()
        else:
            message = await asyncio.to_thread(decode)
        hold.grow(len(message))
        return message

    async def _health(self, send: Send) -> None:
        try:
            await self.bus.check()
        except TryLater as error:
            body = {"status": "unavailable", "reason": str(error)}
            await _respond(send, 503, json.dumps(body).encode(), "application/json")
        else:
            await _respond(send, 200, b'{"status": "ok"}', "application/json")


def _turned_away(route: Route, dialect: Dialect, error: Denied) -> tuple[int, bytes, Headers]:
    route.receiver.denied(route.signal, error)
    code = PERMISSION_DENIED if error.known else UNAUTHENTICATED
    return error.status, dialect.failed(code, str(error)), [(b"www-authenticate", error.challenge.encode())]


def _refusal(error: BadMessage) -> tuple[int, str]:
    """HTTP status and our metrics' reason."""
    if isinstance(error, TooLarge):
        return 413, "too_large"
    if isinstance(error, _TooSlow):
        return 408, "too_slow"
    return 400, "undecodable"


def _later(dialect: Dialect, error: TryLater) -> tuple[int, bytes, Headers]:
    status, code = (429, RESOURCE_EXHAUSTED) if isinstance(error, OverCapacity) else (503, UNAVAILABLE)
    retry_after = str(max(1, round(error.seconds))).encode()
    return status, dialect.failed(code, str(error)), [(b"retry-after", retry_after)]


async def _respond(send: Send, status: int, body: bytes, content_type: str, headers: Headers | None = None) -> None:
    fields = [
        *([(b"content-type", content_type.encode())] if content_type else []),
        *([(b"content-length", str(len(body)).encode())] if status != 204 else []),
        *(headers or []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
