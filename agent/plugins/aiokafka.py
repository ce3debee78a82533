"""aiokafka: a producer span from `send` to the broker's acknowledgement; a consumer span for each record while the
application's loop has it in hand."""

import functools
import sys
import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel
from opentelemetry.context.context import Context

from weftline.agent import context, foreign, kafka_record, message
from weftline.agent.kafka_record import Record
from weftline.agent.message import Handling, Sending
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import guard

if TYPE_CHECKING:  # loads ssl, which gevent must patch first
    import asyncio

_LIBRARY = "weftline.agent.aiokafka"
_VERSIONS = "aiokafka>=0.8.1"
_last: weakref.WeakKeyDictionary[Any, tuple[Any, Handling, Context]] = weakref.WeakKeyDictionary()
"""Each consumer's last record, and the context it made where it was handed out."""


def _traced() -> bool:
    return foreign.instruments("aiokafka", "AIOKafkaInstrumentor")


def send(headers: Any, producer: Any, topic: Any, value: Any, key: Any) -> tuple[Any, Sending | None]:
    """Begins the span and adds our headers to a copy of the record's."""
    if not isinstance(topic, str):
        return headers, None
    about = {
        "messaging.client.id": getattr(producer.client, "_client_id", None),
        "messaging.kafka.message.key": kafka_record.key(key),
        "messaging.kafka.message.tombstone": True if value is None else None,
    }
    return kafka_record.send(_LIBRARY, topic, headers, about, traced=_traced())


def queued(sending: Sending | None, future: "asyncio.Future[Any]") -> None:
    """The record waits for its batch; the broker's answer ends the span."""
    if sending is None:
        return
    message.left(sending)
    if sending.span is None:
        return

    def done(future: "asyncio.Future[Any]") -> None:
        try:
            # exception() would count as the application's having looked, and asyncio no longer warn of it
            exception = getattr(future, "_exception", None)
            if exception is not None:
                message.failed(sending, exception)
            elif future.cancelled():
                message.sent(sending)
            else:
                metadata = future.result()
                kafka_record.sent(sending, getattr(metadata, "partition", None), getattr(metadata, "offset", None))
        except Exception as failure:  # noqa: BLE001 - the event loop calls it, not woven code
            guard.contained(failure, f"{_LIBRARY} done")

    future.add_done_callback(done)


def _record(consumer: Any, record: Any) -> Record:
    return Record(
        record.topic, record.partition, record.offset, record.key, record.headers, record.value is None,
        getattr(consumer, "_group_id", None), getattr(consumer._client, "_client_id", None),  # noqa: SLF001 - no other way
    )  # fmt: skip


def loop(consumer: Any) -> Any:
    """`async for record in consumer` begins."""
    return consumer


def looping(consumer: Any, result: Any) -> Any:
    """The loop gets an iterator of its own, which tells when the loop is left."""
    return kafka_record.AsyncLoop(result) if consumer is result and not _traced() else result


def next_record(consumer: Any) -> Any:
    """The application is done with the record before."""
    kafka_record.put_down(consumer)
    return consumer


def handed_out(consumer: Any, record: Any) -> None:
    """The application has the next record."""
    if consumer is not None and not _traced():
        kafka_record.hand_out(consumer, _LIBRARY, _record(consumer, record))
        handling = kafka_record.current()
        if handling is not None:
            _last[consumer] = (record, handling, otel.get_current())


def waiting() -> Handling | None:
    """`asyncio.wait_for` begins: before Python 3.12 it awaits in a task of its own."""
    return kafka_record.current()


def waited(before: Handling | None, result: object) -> None:
    """A record that another task was given is in hand here, not the one before it."""
    stopped(before)
    for record, handling, taken in list(_last.values()):
        if record is result and kafka_record.is_in_hand(handling) and context.transaction() is not handling.entered:
            otel.attach(taken)


def stopped(before: Handling | None, exception: BaseException | None = None) -> None:  # noqa: ARG001 - advice gets it
    """The other task may have put down what was in hand here."""
    if before is not None and not kafka_record.is_in_hand(before) and context.transaction() is before.entered:
        context.leave(before.previous)


def poll(consumer: Any, max_records: Any) -> Any:
    """The application asks for a batch."""
    kafka_record.put_down(consumer)
    return consumer, max_records or getattr(consumer, "_max_poll_records", None)


def polled(token: Any, records: Any) -> None:
    """The application has a batch."""
    if token is not None and records and not _traced():
        consumer, most = token
        kafka_record.hand_out_batch(consumer, most, records, _LIBRARY, _record)


def gathering(coros_or_futures: tuple[Any, ...]) -> tuple[tuple[Any, ...], None]:
    """`asyncio.gather` begins: coroutines that were given a batch's record, and run only now that the loop over the
    batch has left it, are made tasks within that record."""
    batches = kafka_record.batched()
    loop = sys.modules["asyncio"]._get_running_loop() if batches else None  # noqa: SLF001 - the same in C
    if loop is None:
        return coros_or_futures, None
    tasks: dict[int, Any] = {}
    for given in coros_or_futures:
        if id(given) not in tasks:
            tasks[id(given)] = _within_its_record(given, batches, loop)
    return tuple(tasks[id(given)] for given in coros_or_futures), None


def _within_its_record(given: Any, batches: list[kafka_record.Batch], loop: Any) -> Any:
    """The coroutine's task; what was given, if it has no record or runs already."""
    frame = getattr(given, "cr_frame", None)
    if frame is None or given.cr_running or given.cr_suspended:
        return given
    for value in frame.f_locals.values():
        for batch in batches:
            if batch.has(value):
                return _task(given, value, batch, loop)
    return given


def _task(coroutine: Any, record: Any, batch: kafka_record.Batch, loop: Any) -> Any:
    outside, handling = context.current(), None
    inside = batch.inside.get(id(record))
    try:
        if inside is None:  # no loop of the program's has come to it: `gather(*map(work, batch))`
            library, describe, consumer = batch.taken
            handling = kafka_record.take(library, describe(consumer, record))
        else:
            context.attach(inside)
        task = loop.create_task(coroutine)
    finally:
        context.attach(outside)
    task._log_destroy_pending = False  # noqa: SLF001 - as `gather` does with what it makes a task
    if handling is not None:
        task.add_done_callback(functools.partial(_worked_on, handling))
    return task


def _worked_on(handling: Handling, task: Any) -> None:
    try:
        exception = None if task.cancelled() else getattr(task, "_exception", None)  # exception() counts as looking
        message.put_down(handling, exception)
    except Exception as failure:  # noqa: BLE001 - the event loop calls it, not woven code
        guard.contained(failure, f"{_LIBRARY} worked on")


SEND = Advice(send, queued, message.not_sent)
LOOP = Advice(loop, looping)
NEXT = Advice(next_record, handed_out)
POLL = Advice(poll, polled)
WAIT = Advice(waiting, waited, stopped)
GATHER = Advice(gathering)
CLOSE = Advice(kafka_record.put_down)

POINTCUTS = [
    Pointcut(
        module="aiokafka.producer.producer",
        target="AIOKafkaProducer.send",
        advice=f"{__name__}:SEND",
        args=("headers", "self", "topic", "value", "key"),
        replaces=("headers",),
        kind="producer",
        scope=message.SCOPE,
        versions=_VERSIONS,
    ),
    *(
        Pointcut(
            module="aiokafka.consumer.consumer",
            target=f"AIOKafkaConsumer.{method}",
            advice=f"{__name__}:{advice}",
            args=args,
            kind="consumer",
            scope=message.SCOPE,
            versions=_VERSIONS,
            returns=advice == "LOOP",
        )
        for method, advice, args in (
            ("__aiter__", "LOOP", ("self",)),
            ("getone", "NEXT", ("self",)),
            ("getmany", "POLL", ("self", "max_records")),
            ("stop", "CLOSE", ("self",)),
        )
    ),
    Pointcut(
        module="aiokafka.consumer.consumer",  # which names it: programs without aiokafka are left alone
        target="asyncio.gather",
        advice=f"{__name__}:GATHER",
        args=("coros_or_futures",),
        replaces=("coros_or_futures",),
        kind="observe",
        versions=_VERSIONS,
    ),
    *(  # the same
        Pointcut("aiokafka.consumer.consumer", "asyncio.wait_for", f"{__name__}:WAIT", (), "observe", "", _VERSIONS)
        for _ in range(sys.version_info < (3, 12))
    ),
]
