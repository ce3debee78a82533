"""The bus on Apache Kafka, the edge's end.

Messages are plain OTLP bytes, so that any OpenTelemetry Collector can write the same topics.
The other end is `weftline.collector.ingest`.
"""

import asyncio
import logging
import threading
from typing import Final

from crc32c import crc32c
from kafka import KafkaProducer
from kafka.errors import KafkaError

from weftline.collector.bus.topics import (
    MAX_MESSAGE_BYTES,
    RECONNECT,
    away,
    connect_admin,
    create_topics,
    tenant_headers,
)
from weftline.collector.errors import TryLater
from weftline.collector.settings import KafkaSettings
from weftline.collector.store.protocol import Signal

logger = logging.getLogger(__name__)

_DELIVERY_SECONDS: Final = 30
LOST_SECONDS: Final = _DELIVERY_SECONDS + 5.0
"""By then the producer must have said what became of a message."""


class KafkaBus:
    """See `Bus`. Connects when it is made, which raises `TryLater` while Kafka is away."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        create_topics(settings)
        self._producer = connect_producer(settings)
        # Asked for health only: the producer does not tell whether it is connected.
        self._admin = connect_admin(settings)
        self._asking = asyncio.Lock()
        self._replacing: asyncio.Task[None] | None = None

    async def publish(self, signal: Signal, message: bytes, transaction: bytes = b"", tenant: str = "") -> None:
        # The same bytes must come to the same partition again: ingest tells there that they came twice.
        loop, producer = asyncio.get_running_loop(), self._producer
        answer: asyncio.Future[None] = loop.create_future()

        # Called on the producer's own thread.
        def stored(_metadata: object) -> None:
            loop.call_soon_threadsafe(_settle, answer, None)

        def failed(error: BaseException) -> None:
            loop.call_soon_threadsafe(_settle, answer, TryLater(f"Kafka did not take the message: {error!r}"))

        try:
            key = transaction or crc32c(message).to_bytes(4)
            delivery = producer.send(signal.value, message, key=key, headers=tenant_headers(tenant))
        except KafkaError as error:
            raise TryLater(f"Kafka did not take the message: {error!r}") from error
        delivery.add_callback(stored)
        delivery.add_errback(failed)
        try:
            await asyncio.wait_for(answer, LOST_SECONDS)
        except TimeoutError:
            self._replace(producer)
            raise TryLater("Kafka's client does not say whether Kafka has the message.") from None

    async def check(self) -> None:
        async with self._asking:
            try:
                await asyncio.to_thread(self._admin.list_topics)
            except (KafkaError, OSError) as error:
                raise away(self._settings, error) from error

    def _replace(self, producer: KafkaProducer) -> None:
        """A producer that is past its own time limit hangs (seen after Kafka was killed): make another."""
        if producer is self._producer and (self._replacing is None or self._replacing.done()):
            self._replacing = asyncio.get_running_loop().create_task(self._connect_anew(producer))

    async def _connect_anew(self, producer: KafkaProducer) -> None:
        try:
            self._producer = await asyncio.to_thread(connect_producer, self._settings)
        except TryLater as error:
            logger.warning("Kafka's client hangs and another can't be made yet: %s", error)
            return
        logger.warning("Kafka's client did not answer and was replaced seconds=%.0f.", LOST_SECONDS)
        threading.Thread(target=producer.close, args=(0,), name="close", daemon=True).start()

    async def close(self) -> None:
        await asyncio.to_thread(self._producer.close, 10)
        self._admin.close()


def _settle(answer: "asyncio.Future[None]", error: Exception | None) -> None:
    if answer.done():  # the sender has gone
        return
    if error is None:
        answer.set_result(None)
    else:
        answer.set_exception(error)


def connect_producer(settings: KafkaSettings) -> KafkaProducer:
    """An idempotent producer that answers once all in-sync replicas have a message. Raises `TryLater`."""
    try:
        producer = KafkaProducer(
            bootstrap_servers=list(settings.bootstrap_servers),
            client_id="weftline-edge",
            acks="all",
            compression_type="zstd",
            enable_idempotence=True,
            delivery_timeout_ms=_DELIVERY_SECONDS * 1_000,
            request_timeout_ms=10_000,
            max_request_size=MAX_MESSAGE_BYTES,
            max_block_ms=1_000,
            **RECONNECT,
        )
        for signal in Signal:
            producer.partitions_for(signal.value)  # so that no publish has to wait for it on the event loop
    except (KafkaError, OSError) as error:
        raise away(settings, error) from error
    return producer
