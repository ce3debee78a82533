"""Envoy's gRPC access log service (ALS v3): AccessLogService/StreamAccessLogs, HTTP and TCP entries.

A stream has no answers, so nobody can be told to come back, and a stream that isn't read fills Envoy's memory until it
drops. So a stream is always read at once into a bounded queue, and tasks of their own hand the queue on. What doesn't
fit is dropped and counted. The entries' bytes are handed on as they are (`envoy_als_message.py`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import grpc
import grpc.aio

from weftline.collector.access.gate import OPEN, Access, peer_of
from weftline.collector.access.identity import Denied, Role
from weftline.collector.bus.protocol import Bus
from weftline.collector.edge.envoy_als_message import frame, identifier
from weftline.collector.edge.otlp_grpc import turn_away
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.metrics import ACCESS_LOGS, REQUEST_BYTES, REQUESTS
from weftline.collector.store.protocol import Signal

logger = logging.getLogger(__name__)

SERVICE = "envoy.service.accesslog.v3.AccessLogService"
PROTOCOL = "envoy_als"
SIGNAL = Signal.ENVOY_ALS


class Backlog:
    """Frames that wait for the bus, at most ``max_bytes`` of them. Used from one event loop.

    Order: as they came. Durability: none before the bus has them; the newest is dropped when there is no room.
    ``message_bytes``: what one message on the bus has at the most, unless one frame alone is larger.
    """

    def __init__(self, bus: Bus, *, max_bytes: int, message_bytes: int = 1 << 20, in_flight: int = 4) -> None:
        self._bus = bus
        self._max_bytes = max_bytes
        self._message_bytes = message_bytes
        self._frames: deque[tuple[bytes, int, str]] = deque()  # frame, entries, tenant
        self._bytes = 0
        self._dropping = 0
        self._more = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._senders = [asyncio.create_task(self._send()) for _ in range(in_flight)]

    def put(self, framed: bytes, entries: int, tenant: str = "") -> None:
        """Take a frame, or count its entries as dropped."""
        if self._bytes and self._bytes + len(framed) > self._max_bytes:
            if not self._dropping:
                logger.error("Dropping access logs: %d bytes wait for the store protocol=%s.", self._bytes, PROTOCOL)
            self._dropping += entries
            _count(entries, "dropped", "backlog_full")
            return
        self._frames.append((framed, entries, tenant))
        self._bytes += len(framed)
        self._empty.clear()
        self._more.set()

    async def close(self, seconds: float) -> None:
        """Hand on what waits, for ``seconds`` at the most; what is left then is dropped and counted."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        left = sum(entries for _, entries, _ in self._frames)
        if left:
            _count(left, "dropped", "shutdown")
            logger.error("Dropped access logs that the store did not take before the end entries=%d.", left)

    async def _send(self) -> None:
        while True:
            await self._more.wait()
            frames: list[bytes] = []
            size = count = 0
            tenant = self._frames[0][2] if self._frames else ""
            while self._frames and (not frames or self._fits(size, tenant)):
                framed, entries, _ = self._frames.popleft()
                frames.append(framed)
                size += len(framed)
                count += entries
            if not self._frames:
                self._more.clear()
            if frames:
                try:
                    await self._hand_on(b"".join(frames), count, tenant)
                except asyncio.CancelledError:
                    self._frames.appendleft((b"".join(frames), count, tenant))
                    raise
                self._bytes -= size
                if not self._bytes:
                    self._empty.set()

    def _fits(self, size: int, tenant: str) -> bool:
        """Whether the next frame may share a message with ``size`` bytes of ``tenant``."""
        framed, _, of = self._frames[0]
        return of == tenant and size + len(framed) <= self._message_bytes

    async def _hand_on(self, message: bytes, entries: int, tenant: str) -> None:
        seconds = 0.1
        while True:
            try:
                await self._bus.publish(SIGNAL, message, tenant=tenant)
            except TryLater as error:
                REQUESTS.labels(SIGNAL.value, PROTOCOL, "later", "overloaded").inc()
                logger.warning("Access logs wait protocol=%s seconds=%.1f: %s", PROTOCOL, seconds, error)
                await asyncio.sleep(seconds)
                seconds = min(seconds * 2, 5.0)
                continue
            except BadMessage as error:
                _count(entries, "refused", "undecodable")
                logger.error("Refused access logs entries=%d protocol=%s: %s", entries, PROTOCOL, error)  # noqa: TRY400
                return
            REQUESTS.labels(SIGNAL.value, PROTOCOL, "accepted", "").inc()
            REQUEST_BYTES.labels(SIGNAL.value, PROTOCOL).inc(len(message))
            _count(entries, "accepted", "")
            if self._dropping:
                logger.warning("Taking access logs again after dropping entries=%d.", self._dropping)
                self._dropping = 0
            return


class AccessLogService:
    """The gRPC service: every message of every stream goes to ``put``, framed, with its number of entries and tenant.

    A stream is admitted when it is opened, for as long as it lasts.
    """

    def __init__(self, put: Callable[[bytes, int, str], None], access: Access = OPEN) -> None:
        self._put = put
        self._access = access
        self._streams: set[asyncio.Task[object]] = set()
        self._ending = False

    def handler(self) -> grpc.GenericRpcHandler:
        method = grpc.stream_unary_rpc_method_handler(self._stream)
        return grpc.method_handlers_generic_handler(SERVICE, {"StreamAccessLogs": method})

    def end_streams(self) -> None:
        """Close every stream: an Envoy never does, and opens a new one, to another edge if there is one."""
        self._ending = True
        for task in self._streams:
            task.cancel()

    async def _stream(self, messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> bytes:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - grpc.aio runs every call as a task
        self._streams.add(task)
        who = None
        try:
            peer = peer_of(context.peer())
            tenant = self._access.admit(context.invocation_metadata() or (), peer, Role.WRITE).tenant
            async for message in messages:
                if who is None:
                    who = identifier(message)
                framed, entries = frame(who, message)
                if entries:
                    self._put(framed, entries, tenant)
        except Denied as error:
            reason = "forbidden" if error.known else "unauthenticated"
            REQUESTS.labels(SIGNAL.value, PROTOCOL, "refused", reason).inc()
            logger.warning("Refused a stream protocol=%s peer=%s: %s", PROTOCOL, context.peer(), error)
            await turn_away(context, error)
        except BadMessage as error:
            REQUESTS.labels(SIGNAL.value, PROTOCOL, "refused", "undecodable").inc()
            logger.warning("Refused a stream protocol=%s peer=%s: %s", PROTOCOL, context.peer(), error)
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except asyncio.CancelledError:
            if not self._ending:
                raise
            # grpc.aio answers nothing to a call whose task was cancelled, and would wait for it.
        finally:
            self._streams.discard(task)
        return b""  # StreamAccessLogsResponse


def _count(entries: int, outcome: str, reason: str) -> None:
    ACCESS_LOGS.labels(PROTOCOL, outcome, reason).inc(entries)
