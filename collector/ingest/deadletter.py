"""Where a message goes that can't be stored: to a topic of its own, as it came, with the reason in its headers."""

from kafka import KafkaProducer
from kafka.errors import KafkaError

from weftline.collector.bus.topics import DEAD_LETTERS, tenant_headers
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.ingest.offsets import Batch


class DeadLetters:
    """Writes to `weftline_dead_letters`; headers: weftline.topic, .partition, .offset, .reason, .tenant."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer

    def put(self, batch: Batch, index: int, reason: BadMessage) -> None:
        """Put aside one message of a batch. Returns when Kafka has it; raises `TryLater` (the caller calls again)."""
        headers = [
            ("weftline.topic", batch.topic.encode()),
            ("weftline.partition", str(batch.partition).encode()),
            ("weftline.offset", str(batch.offsets[index]).encode()),
            ("weftline.reason", str(reason).encode()[:4096]),
            *tenant_headers(batch.tenants[index]),
        ]
        try:
            self._producer.send(DEAD_LETTERS, batch.messages[index], headers=headers).get(timeout=30)
        except KafkaError as error:
            raise TryLater(f"Kafka did not take a dead letter: {error!r}") from error
