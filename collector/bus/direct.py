"""The bus where there is no Kafka: a request is answered when its rows are in ClickHouse.

Requests that come close together share one insert: ClickHouse wants few large inserts.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.metrics import MESSAGES
from weftline.collector.store.protocol import Signal

Store = Callable[[Signal, Sequence[bytes], str], Mapping[int, BadMessage]]
"""Stores messages under a token; returns the bad ones by index, the rest is durable. Or raises `TryLater`."""


@dataclass(slots=True)
class _Group:
    messages: list[bytes] = field(default_factory=list)
    answers: list[asyncio.Future[None]] = field(default_factory=list)
    size: int = 0


class DirectBus:
    """See `Bus`. A request waits ``linger`` seconds for others; a group of ``batch_bytes`` does not wait."""

    def __init__(
        self, store: Store, check: Callable[[], None], *, linger: float, batch_bytes: int = 30 * 1024 * 1024
    ) -> None:
        self._store = store
        self._check = check
        self._linger = linger
        self._batch_bytes = batch_bytes
        self._groups: dict[Signal, _Group] = {}
        self._running: set[asyncio.Task[None]] = set()
        # Two inserts at a time: one being decoded by ClickHouse while the next is being sent.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="insert")

    async def publish(self, signal: Signal, message: bytes, transaction: bytes = b"") -> None:  # noqa: ARG002 - one place
        group = self._groups.get(signal)
        if group is None:
            group = self._groups[signal] = _Group()
            self._start(self._flush_later(signal, group))
        answer = asyncio.get_running_loop().create_future()
        group.messages.append(message)
        group.answers.append(answer)
        group.size += len(message)
        if group.size >= self._batch_bytes:
            del self._groups[signal]
            self._start(self._flush(signal, group))
        # The insert goes on for the others when one sender hangs up.
        await asyncio.shield(answer)

    async def check(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._check)

    async def close(self) -> None:
        while self._running:
            await asyncio.wait(self._running)
        self._threads.shutdown()

    def _start(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _flush_later(self, signal: Signal, group: _Group) -> None:
        await asyncio.sleep(self._linger)
        if self._groups.get(signal) is group:
            del self._groups[signal]
            await self._flush(signal, group)

    async def _flush(self, signal: Signal, group: _Group) -> None:
        loop = asyncio.get_running_loop()
        try:
            bad = await loop.run_in_executor(
                self._threads, self._store, signal, group.messages, f"direct-{uuid.uuid4().hex}"
            )
        except TryLater as error:
            outcome: Sequence[Exception | None] = [error] * len(group.answers)
        except Exception as error:  # noqa: BLE001 - a sender must get an answer, whatever went wrong
            outcome = [TryLater(f"The insert failed: {error!r}")] * len(group.answers)
        else:
            MESSAGES.labels(signal.value, "refused").inc(len(bad))
            outcome = [bad.get(index) for index in range(len(group.answers))]
        for answer, problem in zip(group.answers, outcome, strict=True):
            if answer.done():  # the sender has gone
                continue
            if problem is None:
                answer.set_result(None)
            else:
                answer.set_exception(problem)
                answer.exception()  # seen: no complaint at exit when nobody awaits it any more
