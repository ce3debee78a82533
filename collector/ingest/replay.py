"""What was put aside, read again: which dead letters there are, what is in them, and back to their topics with them.

A replay is noted in the same topic (an empty message that names the letter), after Kafka has the message again. What
goes back twice nevertheless, since a replay was killed in between, has the same bytes in the same partition: ingest
leaves it out.
"""

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weftline.collector.bus.kafka import connect_producer
from weftline.collector.bus.topics import DEAD_LETTERS, MAX_MESSAGE_BYTES, TENANT, away, tenant_headers
from weftline.collector.errors import Misconfigured, TryLater
from weftline.collector.settings import KafkaSettings
from weftline.collector.store.protocol import Signal

REPLAYED: Final = "weftline.replayed"
"""Header of a note: the id of the letter that went back."""
_REQUESTS: Final[Mapping[str, type[Message]]] = {
    Signal.SPANS.value: ExportTraceServiceRequest,
    Signal.LOGS.value: ExportLogsServiceRequest,
}
_IDS: Final = ("traceId", "spanId", "parentSpanId")
_MOST_SHOWN: Final = 512
_ANSWER_MS: Final = 5_000
"""How long somebody at a terminal waits to hear that Kafka is away; its client's own patience is 30 s."""
_MESSAGES_SECONDS: Final = 30.0
"""Without a message for so long, Kafka is taken for away; one of 32 MB may take its time."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter without its message."""

    id: str
    """partition-offset in the topic of dead letters"""
    time: int
    """ms since the epoch: when it was put aside"""
    topic: str
    partition: int
    offset: int
    """this and the two before: where it came from"""
    size: int
    reason: str
    replayed: bool
    tenant: str = ""


class DeadLetterBox:
    """The topic of dead letters, for an operator's commands. Blocking; raises `TryLater` while Kafka is away."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=list(settings.bootstrap_servers),
                client_id="weftline-dlq",
                group_id=None,
                enable_auto_commit=False,
                max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
                bootstrap_timeout_ms=_ANSWER_MS,
            )
        except (KafkaError, OSError) as error:
            raise away(settings, error) from error

    def letters(self) -> Sequence[Letter]:
        """All there are, oldest first; empty if there is no such topic."""
        found, replayed = [], set()
        for partition, record in self._records():
            headers = {name: text.decode("utf-8", "replace") for name, text in record.headers}
            if letter := headers.get(REPLAYED):
                replayed.add(letter)
            else:
                found.append((f"{partition}-{record.offset}", record, headers))
        letters = [_letter(id_, record, headers, replayed) for id_, record, headers in found]
        return sorted(letters, key=lambda it: it.time)

    def message(self, letter: Letter) -> bytes:
        """What could not be stored, as it came."""
        partition, offset = map(int, letter.id.split("-"))
        for _, record in self._records({partition: (offset, offset + 1)}):
            return bytes(record.value)
        raise Misconfigured(f"Kafka has deleted the dead letter {letter.id} meanwhile (retention of {DEAD_LETTERS}).")

    def replay(self, letter: Letter) -> None:
        """Put its message back to where it came from, and note it. Returns when Kafka has both."""
        message = self.message(letter)
        producer = self._producer = self._producer or connect_producer(self._settings)
        partition, _ = letter.id.split("-")
        try:
            there = producer.partitions_for(letter.topic) or set()
        except KafkaTimeoutError:  # so it says of a topic that isn't there, too
            there = set()
        if letter.partition not in there:
            raise Misconfigured(f"Topic {letter.topic} has no partition {letter.partition}: {letter.id} can't go back.")
        try:
            # The partition it was in: where equal bytes come together, ingest sees that they came twice.
            sent = producer.send(
                letter.topic, message, partition=letter.partition, headers=tenant_headers(letter.tenant)
            )
            sent.get(timeout=30)
            note = [(REPLAYED, letter.id.encode())]
            producer.send(DEAD_LETTERS, b"", headers=note, partition=int(partition)).get(timeout=30)
        except KafkaError as error:
            if not error.retriable:
                raise Misconfigured(f"Kafka does not take {letter.id} back: {error!r}") from error
            raise TryLater(f"Kafka did not take {letter.id} back: {error!r}") from error

    def close(self) -> None:
        self._consumer.close(timeout_ms=1_000)
        if self._producer is not None:
            self._producer.close(10)

    def _records(self, ranges: Mapping[int, tuple[int, int]] | None = None) -> Iterator[tuple[int, Any]]:
        """(partition, record) from the beginning to the present end, or of the given offsets."""
        try:
            there = [TopicPartition(DEAD_LETTERS, it) for it in self._consumer.partitions_for_topic(DEAD_LETTERS) or ()]
            if ranges is None:
                begins = self._consumer.beginning_offsets(there, timeout_ms=_ANSWER_MS)
                ends = self._consumer.end_offsets(there, timeout_ms=_ANSWER_MS)
                ranges = {tp.partition: (begins[tp], ends[tp]) for tp in there}
            for tp in there:
                first, end = ranges.get(tp.partition, (0, 0))
                if first >= end:
                    continue
                self._consumer.assign([tp])
                self._consumer.seek(tp, first)
                waits_until = time.monotonic() + _MESSAGES_SECONDS
                while self._consumer.position(tp) < end:
                    records = self._consumer.poll(timeout_ms=1_000).get(tp, ())
                    if records:
                        waits_until = time.monotonic() + _MESSAGES_SECONDS
                    elif time.monotonic() > waits_until:
                        raise KafkaTimeoutError(f"no message within {_MESSAGES_SECONDS:.0f} s")
                    for record in records:
                        if first <= record.offset < end:
                            yield tp.partition, record
        except (KafkaError, OSError) as error:
            raise away(self._settings, error) from error


def describe(topic: str, message: bytes) -> str:
    """A dead letter's message for people: JSON where it is a request that can be read, text, else its bytes in hex."""
    if (request := _REQUESTS.get(topic)) is not None:
        try:
            return json.dumps(_with_hex_ids(MessageToDict(_parsed(request(), message))), indent=2, ensure_ascii=False)
        except (DecodeError, ValueError, RecursionError):
            pass
    try:
        return message.decode("utf-8")
    except UnicodeDecodeError:
        rest = len(message) - _MOST_SHOWN
        return message[:_MOST_SHOWN].hex(" ") + (f" … and {rest:,} bytes more" if rest > 0 else "")


def _parsed(request: Message, message: bytes) -> Message:
    request.ParseFromString(message)
    return request


def _letter(id_: str, record: Any, headers: Mapping[str, str], replayed: set[str]) -> Letter:
    def number(name: str) -> int:
        text = headers.get(name, "")
        return int(text) if text.isdecimal() else -1

    return Letter(
        id=id_,
        time=record.timestamp,
        topic=headers.get("weftline.topic", ""),
        partition=number("weftline.partition"),
        offset=number("weftline.offset"),
        size=len(record.value or b""),
        reason=headers.get("weftline.reason", ""),
        replayed=id_ in replayed,
        tenant=headers.get(TENANT, ""),
    )


def _with_hex_ids(it: Any) -> Any:
    """As OTLP's JSON has ids; protobuf's own mapping makes them base64."""
    if isinstance(it, dict):
        return {
            key: base64.b64decode(value).hex() if key in _IDS and isinstance(value, str) else _with_hex_ids(value)
            for key, value in it.items()
        }
    return [_with_hex_ids(one) for one in it] if isinstance(it, list) else it
