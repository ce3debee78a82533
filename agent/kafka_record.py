"""What the three Kafka clients have in common: records with headers, and consumers that hand records out one by one.

A record is in hand from when the application's loop takes it until it takes the next one, polls again, leaves the
loop or closes the consumer. Committing does not put it down: an application may commit before it works. A poll that
brings nothing makes nothing. A batch is no record: each of its records is taken in hand by the loop over the batch.
"""

import dis
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, SupportsIndex

from opentelemetry.context.context import Context

from weftline.agent import context, message, propagate
from weftline.agent.message import Handling, Sending
from weftline.agent.weave import guard

SYSTEM: Final = "kafka"

_LONGEST_KEY: Final = 64
_FOR_ITER: Final = dis.opmap["FOR_ITER"]

Headers = list[tuple[str, bytes]]

_batches: "list[weakref.ref[Batch]]" = []
_in_hand: dict[int, Handling] = {}
"""By id of the consumer, of which C types allow nothing better. A consumer that dies unclosed leaves its last record
here, which the next consumer at that address puts down."""


@dataclass(frozen=True, slots=True)
class Record:
    """A received record, whichever client brought it."""

    topic: str
    partition: int
    offset: int
    key: Any
    headers: Iterable[tuple[str, Any]] | None
    empty: bool
    group: str | None = None
    client: str | None = None


def key(value: object) -> str | None:
    """A key fit to be recorded: short printable text. Keys say what a message is about, and so help to find it."""
    if isinstance(value, bytes):
        try:
            value = value[: _LONGEST_KEY + 1].decode()
        except UnicodeDecodeError:
            return None
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_KEY and value.isprintable():
        return value
    return None


def send(
    library: str, topic: str, headers: Iterable[tuple[str, bytes]] | None, about: dict[str, Any], *, traced: bool
) -> tuple[Headers, Sending]:
    """Lets a record leave. Its headers with ours, as a list of their own; `about` holds the span's attributes."""
    own = list(headers or ())
    present = _text(own)
    if message.is_forwarded(present):
        own = [pair for pair in own if pair[0].lower() not in propagate.NAMES]
        present = _text(own)
    sending, added = message.send(library, SYSTEM, "send", topic, present, traced=traced)
    if sending.span is not None:
        sending.span.set_attributes({name: value for name, value in about.items() if value is not None})
    return own + [(name, value.encode()) for name, value in added.items()], sending


def sent(sending: Sending, partition: int | None, offset: int | None) -> None:
    """The broker has the record. Without acknowledgement (`acks=0`) its offset isn't known."""
    about: dict[str, Any] = {}
    if partition is not None and partition >= 0:
        about["messaging.destination.partition.id"] = str(partition)
    if offset is not None and offset >= 0:
        about["messaging.kafka.offset"] = offset
    message.sent(sending, about)


def take(library: str, record: Record) -> Handling:
    """Takes a record in hand."""
    headers = _text(record.headers or ())

    def describe(attributes: dict[str, Any]) -> None:
        attributes["messaging.destination.partition.id"] = str(record.partition)
        attributes["messaging.kafka.offset"] = record.offset
        attributes["messaging.kafka.message.key"] = key(record.key)
        attributes["messaging.consumer.group.name"] = record.group
        attributes["messaging.client.id"] = record.client
        if record.empty:
            attributes["messaging.kafka.message.tombstone"] = True
        for name in [name for name, value in attributes.items() if value is None]:
            del attributes[name]

    return message.take(library, SYSTEM, record.topic, propagate.extract(headers.get), describe)


def hand_out(consumer: object, library: str, record: Record) -> None:
    """Takes a record in hand until its consumer is asked for the next one: see :func:`put_down`."""
    put_down(consumer)
    _in_hand[id(consumer)] = take(library, record)


def current() -> Handling | None:
    """The record in hand whose transaction this code runs in."""
    entered = context.transaction() if _in_hand else None
    return next((handling for handling in _in_hand.values() if handling.entered is entered), None)


def is_in_hand(handling: Handling) -> bool:
    """Whether a record has not been put down yet."""
    return any(handling is other for other in _in_hand.values())


def put_down(consumer: object) -> None:
    """Puts down what a consumer handed out, if anything."""
    handling = _in_hand.pop(id(consumer), None)
    if handling is not None:
        message.put_down(handling)


class Loop:
    """What `for record in consumer` iterates in the consumer's place: so it is seen when the loop is left, also by
    `break` or an exception, and the last record put down. In everything else it is the consumer."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)

    @property  # type: ignore[misc]  # of `object` it can be set; here it is only what `isinstance` looks at
    def __class__(self) -> type:
        return type(self._consumer)

    def __del__(self) -> None:
        try:
            put_down(self._consumer)
        except Exception as failure:  # noqa: BLE001 - not woven code; it would be printed
            guard.contained(failure, "kafka_record: loop left")


class SyncLoop(Loop):
    """For `for`."""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._consumer)


class AsyncLoop(Loop):
    """For `async for`."""

    def __aiter__(self) -> "AsyncLoop":
        return self

    def __anext__(self) -> Any:
        return self._consumer.__anext__()


class Batch(list[Any]):
    """The records of a batch, a list that takes each record in hand as a loop over it comes to it.

    Copying it (`list(batch)`, `all.extend(batch)`) or indexing takes nothing in hand, and makes ordinary lists.
    `inside` has the context of each record that was taken in hand, by its id.
    """

    def __init__(self, records: Iterable[Any], library: str, describe: Any, consumer: object) -> None:
        super().__init__(records)
        self.taken = (library, describe, consumer)
        self.inside: dict[int, Context] = {}
        self._ids: frozenset[int] | None = None

    def __iter__(self) -> Iterator[Any]:
        return _Batched(list.__iter__(self), self)

    def has(self, record: object) -> bool:
        """Whether this very object is a record of the batch; a hundred are asked for in a row."""
        if self._ids is None:
            self._ids = frozenset(map(id, list.__iter__(self)))
        return id(record) in self._ids

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return list, (self[:],)


def hand_out_batch(
    consumer: object, most: int | None, records: dict[Any, Any], library: str, describe: Callable[[Any, Any], Record]
) -> None:
    """What a poll brought, by partition; changed in place. A single record that was asked for (``most``) is in hand,
    a batch's records will be when they are come to."""
    if most == 1:
        hand_out(consumer, library, describe(consumer, next(iter(records.values()))[0]))
        return
    for partition, batch in records.items():
        records[partition] = Batch(batch, library, describe, consumer)
    _batches[:] = [known for known in _batches if known() is not None]
    _batches.extend(map(weakref.ref, records.values()))


def batched() -> list[Batch]:
    """The batches that somebody still has."""
    return [batch for known in _batches if (batch := known()) is not None]


class _Batched:
    """One loop over a batch."""

    def __init__(self, records: Iterator[Any], batch: Batch) -> None:
        self._records = records
        self._batch = batch
        self._handling: Handling | None = None
        self._loops: bool | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self._put_down()
        record = next(self._records)
        if self._loops is None:  # a call that swallows all records at once works on none of them
            caller = sys._getframe(1)  # noqa: SLF001 - the only way to know who asks
            self._loops = caller.f_code.co_code[caller.f_lasti] == _FOR_ITER
        if self._loops:
            self._take(record)
        return record

    def _take(self, record: Any) -> None:
        library, describe, consumer = self._batch.taken
        try:
            known = describe(consumer, record)
            if known is not None:
                self._handling = take(library, known)
                self._batch.inside[id(record)] = context.current()
        except Exception as failure:  # noqa: BLE001 - the application's loop calls it, not woven code
            guard.contained(failure, f"{library} take")

    def _put_down(self) -> None:
        handling, self._handling = self._handling, None
        if handling is not None:
            try:
                message.put_down(handling)
            except Exception as failure:  # noqa: BLE001 - as above
                guard.contained(failure, f"{self._batch.taken[0]} put down")

    __del__ = _put_down


def _text(headers: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """The headers we know among a record's, by lower-case name; of a repeated one the last, as Kafka reads them."""
    found = {}
    for name, value in headers:
        lower = name.lower()
        if lower in propagate.NAMES and isinstance(value, (bytes, str)):
            found[lower] = value if isinstance(value, str) else value.decode("latin-1")
    return found
