"""The loop of an ingest process: Kafka's messages into ClickHouse, a batch of one partition an insert.

Blocking and single threaded (kafka-python's heartbeat has a thread of its own). The steps and their order, which
is what "exactly once" hangs on, are in `_store`; which offsets make a batch is decided in `offsets`.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from kafka.structs import OffsetAndMetadata

from weftline.collector.bus.topics import MAX_MESSAGE_BYTES, RECONNECT, away
from weftline.collector.errors import TryLater
from weftline.collector.ingest.access_log_lines import PROTOCOL, lines_as_protobuf
from weftline.collector.ingest.deadletter import DeadLetters
from weftline.collector.ingest.encodings import as_protobuf
from weftline.collector.ingest.lag import Lag
from weftline.collector.ingest.offsets import Batch, PartitionBuffer, Range, fixed_range, parse_fixed_range
from weftline.collector.ingest.tenants import insert_by_tenant, tenant_of
from weftline.collector.metrics import ACCESS_LOGS, BATCH_MESSAGES, INSERT_RETRIES, MESSAGES
from weftline.collector.settings import IngestSettings, KafkaSettings
from weftline.collector.store.protocol import Signal, Writer

logger = logging.getLogger(__name__)

# The group has given the partition to another member: whatever was under way there, it goes on from the last commit.
_FENCED = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)
_KAFKA_MS = 30_000
"""How long a call may wait for Kafka before the consumer is made anew."""
_STEADY_SECONDS = 30.0


def connect_consumer(settings: KafkaSettings, instance: str | None = None) -> KafkaConsumer:
    """A member of the ingest group that commits only what it is told. Raises `TryLater`.

    ``instance`` is the name of a process that comes back under it: it takes its own place again at once. Without one
    the group would wait for the member that was killed, in the middle of a rebalance for minutes.
    """
    try:
        return KafkaConsumer(
            bootstrap_servers=list(settings.bootstrap_servers),
            client_id="weftline-ingest",
            group_id=settings.group_id,
            group_instance_id=instance,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=2_000,
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            session_timeout_ms=10_000,
            max_poll_interval_ms=60_000,
            **RECONNECT,
        )
    except (KafkaError, OSError) as error:
        raise away(settings, error) from error


class Worker(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Runs until `stop` is set; what is buffered then is inserted and committed first.

    ``connect`` makes a consumer; it is called again whenever Kafka was away: nothing is kept of the one before,
    everything that was not committed is read again. ClickHouse is waited for.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], KafkaConsumer],
        writer: Writer,
        dead_letters: DeadLetters,
        settings: IngestSettings,
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._writer = writer
        self._dead_letters = dead_letters
        self._settings = settings
        self._stop = stop
        self._clock = clock
        self._buffers: dict[TopicPartition, PartitionBuffer] = {}
        self._revoked: set[TopicPartition] = set()
        self._lag = Lag(clock)
        self._trouble = "It is not connected to Kafka yet."

    def check(self) -> None:
        """Raise `TryLater` with what is waited for; for other threads."""
        if trouble := self._trouble:
            raise TryLater(trouble)

    def run(self) -> None:
        seconds = 0.2
        while not self._stop.is_set():
            began = self._clock()
            try:
                self._consume(self._connect())
            except (TryLater, KafkaError, OSError) as error:
                self._trouble = f"Kafka does not answer: {error}"
                if self._clock() - began > _STEADY_SECONDS:
                    seconds = 0.2
                logger.warning("Lost Kafka, will connect again seconds=%.1f: %r", seconds, error)
                self._stop.wait(seconds)
                seconds = min(seconds * 2, 5.0)

    def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        logger.info("Got partitions partitions=%s.", _names(assigned))

    def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        # Nothing of what is buffered was committed: the next owner reads it again. kafka-python calls this on a thread
        # of its own, and keeps its position where it gets the same partition again: so `_poll` opens it anew.
        self._revoked |= set(revoked)
        if revoked:
            logger.info("Gave up partitions partitions=%s.", _names(revoked))

    def _consume(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        topics = [*(signal.value for signal in Signal), *self._settings.access_log_topics]
        consumer.subscribe(topics, listener=self)
        timeout_ms = 1_000
        try:
            # Known before it joins: who leads the group would else give out no partitions, and mostly notice it later.
            for topic in topics:
                consumer.partitions_for_topic(topic)
            while not self._stop.is_set():
                consumer.resume(*consumer.paused())
                consumer.pause(*(tp for tp, buffer in self._buffers.items() if buffer.full))
                self._poll(timeout_ms=100)
                self._trouble = ""
                self._store_due()
            self._store_due(all_of_it=True)
            timeout_ms = 10_000
        finally:
            for tp in list(self._buffers):
                self._drop(tp)
            with contextlib.suppress(KafkaError, OSError):
                consumer.close(timeout_ms=timeout_ms)
            self._revoked.clear()

    def _poll(self, *, timeout_ms: int) -> None:
        """Every record that a poll returns goes into its buffer or is read again: the position is past it."""
        polled = self._consumer.poll(timeout_ms=timeout_ms)
        while self._revoked:
            self._drop(self._revoked.pop())
        for tp, records in polled.items():
            buffer = self._buffers.get(tp)
            if buffer is None:
                if tp in self._consumer.assignment():
                    self._open(tp)
                continue
            for record in records:
                buffer.add(record.offset, record.value, self._clock(), tenant_of(record.headers))
        self._lag.look(self._consumer)

    def _open(self, tp: TopicPartition) -> None:
        """Begin a partition at what is committed, wherever the consumer's position is."""
        committed = self._consumer.committed(tp, metadata=True, timeout_ms=_KAFKA_MS)
        fixed = None
        if committed is None:
            self._consumer.seek_to_beginning(tp)
        else:
            self._consumer.seek(tp, committed.offset)
            self._lag.done(tp, committed.offset)
            if (last := parse_fixed_range(committed.metadata)) is not None:
                fixed = Range(committed.offset, last)
        self._buffers[tp] = PartitionBuffer(
            tp.topic,
            tp.partition,
            batch_bytes=self._settings.batch_bytes,
            batch_seconds=self._settings.batch_seconds,
            fixed=fixed,
        )

    def _drop(self, tp: TopicPartition) -> None:
        self._buffers.pop(tp, None)
        self._lag.forget(tp)

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
                    self._drop(tp)

    def _store(self, tp: TopicPartition, batch: Batch) -> bool:
        """Insert and commit a batch, however long it takes; False if the partition or this process was stopped."""
        buffer = self._buffers[tp]
        self._commit(tp, batch.first, fixed_range(batch.last))
        lines = batch.topic in self._settings.access_log_topics
        signal = Signal.LOGS if lines else Signal(batch.topic)
        good, undecodable = lines_as_protobuf(batch.messages) if lines else as_protobuf(signal, batch.messages)
        indexes, messages = list(good), list(good.values())
        tenants = [batch.tenants[index] for index in indexes]
        seconds = 0.1
        while True:
            try:
                outcome = insert_by_tenant(self._writer, signal, messages, tenants, batch.token)
                bad = {**undecodable, **{indexes[position]: error for position, error in outcome.refused.items()}}
                for index, reason in bad.items():
                    self._dead_letters.put(batch, index, reason)
                break
            except TryLater as error:
                INSERT_RETRIES.labels(signal.value).inc()
                self._trouble = str(error)
                logger.warning(
                    "Could not insert yet, will try again token=%s seconds=%.1f: %s",
                    batch.token,
                    seconds,
                    error,
                )
                if self._stop.is_set() or not self._wait(seconds) or self._buffers.get(tp) is not buffer:
                    return False
                seconds = min(seconds * 2, 10.0)
        if tp in self._revoked:  # its next owner may be past this batch
            return False
        self._commit(tp, batch.last + 1, "")
        self._lag.done(tp, batch.last + 1)
        outcome.count(signal)
        BATCH_MESSAGES.labels(signal.value).observe(len(batch.messages))
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
        self._consumer.commit({tp: OffsetAndMetadata(offset, metadata, -1)}, timeout_ms=_KAFKA_MS)

    def _wait(self, seconds: float) -> bool:
        """Wait without being taken for dead, which wants polls; paused partitions give no messages. False: stopped."""
        self._consumer.pause(*self._consumer.assignment())
        if self._stop.wait(seconds):
            return False
        self._poll(timeout_ms=0)
        return True


def _names(partitions: list[TopicPartition]) -> str:
    return ",".join(f"{tp.topic}-{tp.partition}" for tp in sorted(partitions)) or "none"
