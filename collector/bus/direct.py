"""The bus where there is no Kafka: a request is answered when its rows are in ClickHouse.

Requests that come close together share one insert: ClickHouse wants few large inserts. A sender that was not answered
sends the same request again: while its group is under way it waits for that one; else the store finds out what became
of it (`weftline.collector.ingest.journal`).
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.metrics import MESSAGES
from weftline.collector.store.protocol import Signal

Store = Callable[[Signal, Sequence[bytes], str, str], Mapping[int, BadMessage]]
"""Stores messages of a tenant under a token; returns the bad ones by index, the rest is durable. Or raises `TryLater`.

Signal, messages, token, tenant.
"""

Kind = tuple[Signal, str]
"""Signal and tenant: what requests that share an insert have in common."""
Request = tuple[Kind, bytes]


@dataclass(slots=True)
class _Group:
    kind: Kind
    token: str = field(default_factory=lambda: f"direct-{uuid.uuid4().hex}")
    answers: dict[bytes, "asyncio.Future[None]"] = field(default_factory=dict)
    """By message; equal ones share an answer."""
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
        self._groups: dict[Kind, _Group] = {}
        self._under_way: dict[Request, _Group] = {}
        self._running: set[asyncio.Task[None]] = set()
        # Two inserts at a time: one being decoded by ClickHouse while the next is being sent.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="insert")

    async def publish(self, signal: Signal, message: bytes, transaction: bytes = b"", tenant: str = "") -> None:  # noqa: ARG002 - one place
        kind = (signal, tenant)
        group = self._under_way.get((kind, message)) or self._join(kind, message)
        # The insert goes on for the others when one sender hangs up.
        await asyncio.shield(group.answers[message])

    async def check(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._check)

    async def close(self) -> None:
        while self._running:
            await asyncio.wait(self._running)
        self._threads.shutdown()

    def _join(self, kind: Kind, message: bytes) -> _Group:
        group = self._groups.get(kind)
        if group is None:
            group = self._groups[kind] = _Group(kind)
            self._start(self._flush_later(group))
        group.answers[message] = asyncio.get_running_loop().create_future()
        group.size += len(message)
        self._under_way[kind, message] = group
        if group.size >= self._batch_bytes:
            del self._groups[kind]
            self._start(self._flush(group))
        return group

    def _start(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _flush_later(self, group: _Group) -> None:
        await asyncio.sleep(self._linger)
        if self._groups.get(group.kind) is group:
            del self._groups[group.kind]
            await self._flush(group)

    async def _flush(self, group: _Group) -> None:
        loop = asyncio.get_running_loop()
        messages = list(group.answers)
        signal, tenant = group.kind
        try:
            bad = await loop.run_in_executor(self._threads, self._store, signal, messages, group.token, tenant)
        except Exception as error:  # noqa: BLE001 - a sender must get an answer, whatever went wrong
            later = error if isinstance(error, TryLater) else TryLater(f"The insert failed: {error!r}")
            outcome: Sequence[Exception | None] = [later] * len(messages)
        else:
            MESSAGES.labels(signal.value, "refused").inc(len(bad))
            outcome = [bad.get(index) for index in range(len(messages))]
        for message, problem in zip(messages, outcome, strict=True):
            del self._under_way[group.kind, message]
            answer = group.answers[message]
            if problem is None:
                answer.set_result(None)
            else:
                answer.set_exception(problem)
                answer.exception()  # seen: no complaint at exit when nobody awaits it any more
