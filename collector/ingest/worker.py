"""The loop of an ingest process: Kafka's messages into ClickHouse, a batch of one partition an insert.

Blocking and single threaded (kafka-python's heartbeat has a thread of its own). The steps and their order, which
is what "exactly once" hangs on, are in `_store`; which offsets make a batch is decided in `offsets`.
"""

import logging
import threading
import time
from collections.abc import Callable

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaConnectionError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from kafka.structs import OffsetAndMetadata

from weftline.collector.bus.topics import MAX_MESSAGE_BYTES, away
from weftline.collector.errors import TryLater
from weftline.collector.ingest.access_log_lines import PROTOCOL, lines_as_protobuf
from weftline.collector.ingest.deadletter import DeadLetters
from weftline.collector.ingest.encodings import as_protobuf
from weftline.collector.ingest.offsets import Batch, PartitionBuffer, fixed_range, parse_fixed_range
from weftline.collector.ingest.once import insert_once
from weftline.collector.metrics import ACCESS_LOGS, INSERT_RETRIES, MESSAGES
from weftline.collector.settings import IngestSettings, KafkaSettings
from weftline.collector.store.protocol import Signal, Writer

logger = logging.getLogger(__name__)

# The group has given the partition to another member: whatever was under way there, it goes on from the last commit.
_FENCED = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)


def connect_consumer(settings: KafkaSettings) -> KafkaConsumer:
    """A member of the ingest group that commits only what it is told. Raises `TryLater`."""
    try:
        return KafkaConsumer(
            bootstrap_servers=list(settings.bootstrap_servers),
            client_id="weftline-ingest",
            group_id=settings.group_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=2_000,
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            session_timeout_ms=10_000,
        )
    except (KafkaError, OSError) as error:
        raise away(settings, error) from error


class Worker(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Runs until `stop` is set; what is buffered then is inserted and committed first."""

    def __init__(
        self,
        *,
        consumer: KafkaConsumer,
        writer: Writer,
        dead_letters: DeadLetters,
        settings: IngestSettings,
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._writer = writer
        self._dead_letters = dead_letters
        self._settings = settings
        self._stop = stop
        self._clock = clock
        self._buffers: dict[TopicPartition, PartitionBuffer] = {}

    def run(self) -> None:
        self._consumer.subscribe(
            [*(signal.value for signal in Signal), *self._settings.access_log_topics], listener=self
        )
        while not self._stop.is_set():
            self._consumer.resume(*self._consumer.paused())
            self._consumer.pause(*(tp for tp, buffer in self._buffers.items() if buffer.full))
            self._poll(timeout_ms=100)
            self._store_due()
        self._store_due(all_of_it=True)
        self._consumer.close()

    def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        logger.info("Got partitions partitions=%s.", _names(assigned))

    def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        # Nothing of what is buffered was committed: the next owner reads it again.
        for tp in revoked:
            self._buffers.pop(tp, None)
        if revoked:
            logger.info("Gave up partitions partitions=%s.", _names(revoked))

    def _poll(self, *, timeout_ms: int) -> None:
        """Every record that a poll returns goes into a buffer: the consumer's position is past it."""
        try:
            polled = self._consumer.poll(timeout_ms=timeout_ms)
        except KafkaConnectionError as error:
            # While no broker answers kafka-python retries by itself, or raises: it depends on what it was doing.
            logger.warning("Kafka does not answer, will ask again: %r.", error)
            self._stop.wait(1.0)
            return
        for tp, records in polled.items():
            buffer = self._buffer(tp)
            for record in records:
                buffer.add(record.offset, record.value, self._clock())

    def _buffer(self, tp: TopicPartition) -> PartitionBuffer:
        buffer = self._buffers.get(tp)
        if buffer is None:
            committed = self._consumer.committed(tp, metadata=True)
            buffer = self._buffers[tp] = PartitionBuffer(
                tp.topic,
                tp.partition,
                batch_bytes=self._settings.batch_bytes,
                batch_seconds=self._settings.batch_seconds,
                fixed_last=parse_fixed_range(committed.metadata) if committed else None,
            )
        return buffer

    def _store_due(self, *, all_of_it: bool = False) -> None:
        for tp, buffer in list(self._buffers.items()):
            while self._buffers.get(tp) is buffer and (batch := buffer.take(self._clock(), all_of_it=all_of_it)):
                try:
                    stored = self._store(tp, batch)
                except _FENCED as error:
                    logger.warning("Lost a partition while storing topic=%s partition=%d: %r.", *tp, error)
                    stored = False
                # What follows a batch that isn't stored must not be committed: its owner begins with that batch.
                if not stored and self._buffers.get(tp) is buffer:
                    del self._buffers[tp]

    def _store(self, tp: TopicPartition, batch: Batch) -> bool:
        """Insert and commit a batch, however long it takes; False if the partition or this process was stopped."""
        buffer = self._buffers[tp]
        self._commit(tp, batch.first, fixed_range(batch.last))
        lines = batch.topic in self._settings.access_log_topics
        signal = Signal.LOGS if lines else Signal(batch.topic)
        good, undecodable = lines_as_protobuf(batch.messages) if lines else as_protobuf(signal, batch.messages)
        indexes, messages = list(good), list(good.values())
        seconds = 0.1
        while True:
            try:
                refused = insert_once(self._writer, signal, messages, batch.token)
                bad = {**undecodable, **{indexes[position]: error for position, error in refused.items()}}
                for index, reason in bad.items():
                    self._dead_letters.put(batch, index, reason)
                break
            except TryLater as error:
                INSERT_RETRIES.labels(signal.value).inc()
                logger.warning(
                    "Could not insert yet, will try again token=%s seconds=%.1f: %s",
                    batch.token,
                    seconds,
                    error,
                )
                if self._stop.is_set() or not self._wait(seconds) or self._buffers.get(tp) is not buffer:
                    return False
                seconds = min(seconds * 2, 10.0)
        self._commit(tp, batch.last + 1, "")
        if lines:
            ACCESS_LOGS.labels(PROTOCOL, "refused", "unparsable").inc(len(bad))
            ACCESS_LOGS.labels(PROTOCOL, "accepted", "").inc(len(batch.messages) - len(bad))
        if bad:
            MESSAGES.labels(signal.value, "dead_lettered").inc(len(bad))
            logger.error(
                "Put messages aside that can't be stored token=%s count=%d first_reason=%s",
                batch.token, len(bad), next(iter(bad.values())),
            )  # fmt: skip
        return True

    def _commit(self, tp: TopicPartition, offset: int, metadata: str) -> None:
        self._consumer.commit({tp: OffsetAndMetadata(offset, metadata, -1)})

    def _wait(self, seconds: float) -> bool:
        """Wait without being taken for dead, which wants polls; paused partitions give no messages. False: stopped."""
        self._consumer.pause(*self._consumer.assignment())
        if self._stop.wait(seconds):
            return False
        self._poll(timeout_ms=0)
        return True


def _names(partitions: list[TopicPartition]) -> str:
    return ",".join(f"{tp.topic}-{tp.partition}" for tp in sorted(partitions)) or "none"
