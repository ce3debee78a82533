"""kafka-python: a producer span from `send` to the broker's acknowledgement; a consumer span for each record while the
application's loop has it in hand."""

from typing import Any

from weftline.agent import foreign, kafka_record, message
from weftline.agent.kafka_record import Record
from weftline.agent.message import Sending
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import guard

_LIBRARY = "weftline.agent.kafka"
_VERSIONS = "kafka-python>=2.0.2"
_HEADERS_SINCE = (0, 11)


def _traced() -> bool:
    return foreign.instruments("kafka", "KafkaInstrumentor")


def send(headers: Any, producer: Any, topic: Any, value: Any, key: Any) -> tuple[Any, Sending | None]:
    """Begins the span and adds our headers to a copy of the record's, if the broker's messages can have any."""
    if not isinstance(topic, str) or not (headers is None or isinstance(headers, list)):
        return headers, None  # send() will say what is wrong
    about = {
        "messaging.client.id": producer.config["client_id"],
        "messaging.kafka.message.key": kafka_record.key(key),
        "messaging.kafka.message.tombstone": True if value is None else None,
    }
    ours, sending = kafka_record.send(_LIBRARY, topic, headers, about, traced=_traced())
    return ours if producer.config["api_version"] >= _HEADERS_SINCE else headers, sending


def queued(sending: Sending | None, future: Any) -> None:
    """The record waits for its batch; the broker's answer ends the span."""
    if sending is None:
        return
    message.left(sending)
    if sending.span is None:
        return

    def acknowledged(metadata: Any) -> None:
        try:
            kafka_record.sent(sending, metadata.partition, metadata.offset)
        except Exception as failure:  # noqa: BLE001 - kafka-python's thread calls it, not woven code
            guard.contained(failure, f"{_LIBRARY} acknowledged")

    def refused(exception: BaseException) -> None:
        try:
            message.failed(sending, exception)
        except Exception as failure:  # noqa: BLE001 - kafka-python's thread calls it, not woven code
            guard.contained(failure, f"{_LIBRARY} refused")

    future.add_callback(acknowledged)
    future.add_errback(refused)


def _record(consumer: Any, record: Any) -> Record:
    return Record(
        record.topic, record.partition, record.offset, record.key, record.headers, record.value is None,
        consumer.config["group_id"], consumer.config["client_id"],
    )  # fmt: skip


def loop(consumer: Any) -> Any:
    """`for record in consumer` begins."""
    return consumer


def looping(consumer: Any, result: Any) -> Any:
    """The loop gets an iterator of its own, which tells when the loop is left."""
    return kafka_record.SyncLoop(result) if consumer is result and not _traced() else result


def next_record(consumer: Any) -> Any:
    """The application is done with the record before."""
    kafka_record.put_down(consumer)
    return consumer


def handed_out(consumer: Any, record: Any) -> None:
    """The application has the next record."""
    if consumer is not None and not _traced():
        kafka_record.hand_out(consumer, _LIBRARY, _record(consumer, record))


def poll(consumer: Any, max_records: Any, update_offsets: Any) -> Any:
    """The application polls; the iterator does too, with `update_offsets` False."""
    if not update_offsets:
        return None
    kafka_record.put_down(consumer)
    return consumer, max_records or consumer.config["max_poll_records"]


def polled(token: Any, records: Any) -> None:
    """The application has a batch."""
    if token is not None and records and not _traced():
        consumer, most = token
        kafka_record.hand_out_batch(consumer, most, records, _LIBRARY, _record)


SEND = Advice(send, queued, message.not_sent)
LOOP = Advice(loop, looping)
NEXT = Advice(next_record, handed_out)
POLL = Advice(poll, polled)
CLOSE = Advice(kafka_record.put_down)

POINTCUTS = [
    Pointcut(
        module="kafka.producer.kafka",
        target="KafkaProducer.send",
        advice=f"{__name__}:SEND",
        args=("headers", "self", "topic", "value", "key"),
        replaces=("headers",),
        kind="producer",
        scope=message.SCOPE,
        versions=_VERSIONS,
    ),
    *(
        Pointcut(
            module="kafka.consumer.group",
            target=f"KafkaConsumer.{method}",
            advice=f"{__name__}:{advice}",
            args=args,
            kind="consumer",
            scope=message.SCOPE,
            versions=_VERSIONS,
            returns=advice == "LOOP",
        )
        for method, advice, args in (
            ("__iter__", "LOOP", ("self",)),
            ("__next__", "NEXT", ("self",)),
            ("poll", "POLL", ("self", "max_records", "update_offsets")),
            ("close", "CLOSE", ("self",)),
        )
    ),
]
