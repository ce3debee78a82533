"""confluent-kafka: a producer span from `produce` to the delivery report where the application asks for one, else to
`produce`'s return (a report can't be asked for without taking the place of the producer's own callback); a consumer
span for each message while the application has it in hand.

The client is written in C: its types are stood in for by subclasses of the same name. It doesn't tell its group. Its
asynchronous producer refuses headers, so what that sends begins a transaction where it is received.
"""

import weakref
from typing import Any

from weftline.agent import foreign, kafka_record, message
from weftline.agent.kafka_record import Record
from weftline.agent.message import Sending
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.record import exception_type
from weftline.agent.weave import guard

_LIBRARY = "weftline.agent.confluent_kafka"
_VERSIONS = "confluent-kafka>=2.0.2"
_NOTHING = ","
"""A signature without parameters."""
_PRODUCE = "topic, value, key, partition, callback, on_delivery, timestamp, headers"


def _traced() -> bool:
    return foreign.instruments("confluent_kafka", "ConfluentKafkaInstrumentor")


class _Report:
    """Stands in for the application's delivery callback. The client lets go of it uncalled when it only reports
    errors (`delivery.report.only.error`)."""

    def __init__(self, sending: Sending, callback: Any) -> None:
        self._sending = sending
        self._callback = callback

    def __call__(self, error: Any, record: Any) -> Any:
        try:
            if error is not None:
                _refused(self._sending, error)
            else:
                kafka_record.sent(self._sending, record.partition(), record.offset())
        except Exception as failure:  # noqa: BLE001 - the client calls it, not woven code
            guard.contained(failure, f"{_LIBRARY} report")
        return self._callback(error, record)

    def __del__(self) -> None:
        message.sent(self._sending)  # of a span that has ended nothing more comes


def _refused(sending: Sending, error: Any) -> None:
    from confluent_kafka import KafkaException

    message.failed(sending, KafkaException(error))
    if sending.span is not None:
        sending.span.attributes["error.type"] = str(error.name())


def produce(  # noqa: PLR0917 - advice gets its arguments by position
    headers: Any, callback: Any, on_delivery: Any, topic: Any, value: Any, key: Any
) -> tuple[Any, ...]:
    """Begins the span, adds our headers to a copy of the message's, and waits for the report if there is to be one."""
    if not isinstance(topic, str) or not (headers is None or isinstance(headers, (list, dict))):
        return headers, callback, on_delivery, None  # produce() will say what is wrong
    about = {
        "messaging.kafka.message.key": kafka_record.key(key),
        "messaging.kafka.message.tombstone": True if value is None else None,
    }
    own = headers.items() if isinstance(headers, dict) else headers
    ours, sending = kafka_record.send(_LIBRARY, topic, own, about, traced=_traced())
    reported = False
    if sending.span is not None and callable(callback or on_delivery):
        reported = True
        if callback:
            callback = _Report(sending, callback)
        else:
            on_delivery = _Report(sending, on_delivery)
    return ours or headers, callback, on_delivery, (sending, reported)


def produced(token: tuple[Sending, bool] | None, _result: Any) -> None:
    """The message waits for its batch."""
    if token is not None:
        sending, reported = token
        message.left(sending)
        if not reported:
            message.sent(sending)


def not_produced(token: tuple[Sending, bool] | None, exception: BaseException) -> None:
    """`produce` itself failed."""
    if token is not None:
        message.left(token[0])
        message.failed(token[0], exception)
        if token[0].span is not None:
            token[0].span.attributes["error.type"] = exception_type(exception)


def _record(_consumer: Any, found: Any) -> Record | None:
    if found.error() is not None:  # an event, such as the end of a partition
        return None
    return Record(found.topic(), found.partition(), found.offset(), found.key(), found.headers(), found.value() is None)


def ask(consumer: Any) -> Any:
    """The application is done with the message before."""
    if _is_asked_for(consumer):
        return None
    kafka_record.put_down(consumer)
    return consumer


def polled(consumer: Any, found: Any) -> None:
    """The application has the next message, if there was one."""
    if consumer is not None and found is not None and not _traced():
        record = _record(consumer, found)
        if record is not None:
            kafka_record.hand_out(consumer, _LIBRARY, record)


def consume(consumer: Any, num_messages: Any) -> Any:
    """The application asks for a batch, of one message if it doesn't say."""
    if _is_asked_for(consumer):
        return None
    kafka_record.put_down(consumer)
    return consumer, 1 if num_messages is None else num_messages


def consumed(token: Any, found: Any) -> Any:
    """A single message that was asked for is in hand; a batch's messages will be when they are come to."""
    if token is None or not found or type(found) is not list or _traced():
        return found
    consumer, most = token
    if most == 1:
        polled(consumer, found[0])
        return found
    return kafka_record.Batch(found, _LIBRARY, _record, consumer)


_asking: "weakref.WeakValueDictionary[int, Any]" = weakref.WeakValueDictionary()
"""Asynchronous consumers by the id of the one they ask, in threads where the application's code never runs."""


def _is_asked_for(consumer: Any) -> bool:
    asking = _asking.get(id(consumer))
    return asking is not None and asking._consumer is consumer  # noqa: SLF001 - not told otherwise


def ask_async(consumer: Any) -> Any:
    """The application is done with the message before."""
    _asking[id(consumer._consumer)] = consumer  # noqa: SLF001 - not told otherwise
    kafka_record.put_down(consumer)
    return consumer


def consume_async(consumer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The application asks for a batch, of one message if it doesn't say."""
    return ask_async(consumer), args[0] if args else kwargs.get("num_messages", 1)


PRODUCE = Advice(produce, produced, not_produced)
POLL = Advice(ask, polled)
CONSUME = Advice(consume, consumed)
CLOSE = Advice(kafka_record.put_down)
POLL_ASYNC = Advice(ask_async, polled)
CONSUME_ASYNC = Advice(consume_async, consumed)

POINTCUTS = [
    Pointcut(
        module="confluent_kafka.cimpl",
        target="Producer.produce",
        advice=f"{__name__}:PRODUCE",
        args=("headers", "callback", "on_delivery", "topic", "value", "key"),
        replaces=("headers", "callback", "on_delivery"),
        kind="producer",
        scope=message.SCOPE,
        versions=_VERSIONS,
        signature=_PRODUCE,
        subclass=True,
    ),
    *(
        Pointcut(
            module="confluent_kafka.cimpl",
            target=f"Consumer.{method}",
            advice=f"{__name__}:{advice}",
            args=args,
            kind="consumer",
            scope=message.SCOPE,
            versions=_VERSIONS,
            returns=advice == "CONSUME",
            signature=signature,
            subclass=True,
        )
        for method, advice, args, signature in (
            ("poll", "POLL", ("self",), "timeout"),
            ("consume", "CONSUME", ("self", "num_messages"), "num_messages, timeout"),
            ("close", "CLOSE", ("self",), _NOTHING),
            ("__exit__", "CLOSE", ("self",), "exc_type, exc_value, exc_traceback"),
        )
    ),
    *(
        Pointcut(
            module="confluent_kafka.aio._AIOConsumer",
            target=f"AIOConsumer.{method}",
            advice=f"{__name__}:{advice}",
            args=args,
            kind="consumer",
            scope=message.SCOPE,
            versions=_VERSIONS,
            returns=advice == "CONSUME_ASYNC",
        )
        for method, advice, args in (
            ("poll", "POLL_ASYNC", ("self",)),
            ("consume", "CONSUME_ASYNC", ("self", "args", "kwargs")),
            ("close", "CLOSE", ("self",)),
        )
    ),
]
