"""How far ingest is behind what Kafka has, as a metric: for partitions of which something was read."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from weftline.collector.metrics import LAG

_SECONDS: Final = 5.0
_ASK_MS: Final = 1_000


class Lag:
    """Asks Kafka every few seconds where partitions end. Times are seconds of one clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._done: dict[TopicPartition, int] = {}
        self._asked = clock()

    def done(self, tp: TopicPartition, offset: int) -> None:
        """What is before ``offset`` is stored."""
        self._done[tp] = offset

    def forget(self, tp: TopicPartition) -> None:
        """Somebody else has it."""
        if self._done.pop(tp, None) is not None:
            with suppress(KeyError):
                LAG.remove(tp.topic, str(tp.partition))

    def look(self, consumer: KafkaConsumer) -> None:
        if not self._done or self._clock() - self._asked < _SECONDS:
            return
        self._asked = self._clock()
        # It is only looked at: while Kafka is away the figure stays what it was.
        with suppress(KafkaError, OSError):
            for tp, end in consumer.end_offsets(list(self._done), timeout_ms=_ASK_MS).items():
                LAG.labels(tp.topic, str(tp.partition)).set(end - self._done[tp])
