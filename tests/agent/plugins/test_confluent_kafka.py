"""confluent-kafka against a real Apache Kafka."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

import weftline.agent
from support.messages import TRACE, in_request, new_topic
from support.otlp_sink import OtlpSink
from weftline.deploy.local.kafka import Kafka

pytestmark = pytest.mark.kafka
LOG = logging.getLogger("billing")
StartAgent = Callable[..., None]
A, B, C = "a" * 32, "b" * 32, "c" * 32


def producer(kafka: Kafka, **options: Any) -> Any:
    from confluent_kafka import Producer

    return Producer({"bootstrap.servers": kafka.bootstrap_servers, "message.max.bytes": 10_000_000, **options})


@contextmanager
def consuming(kafka: Kafka, topic: str, kind: str = "Consumer", **options: Any) -> Iterator[Any]:
    import confluent_kafka

    settings = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "group.id": f"{topic}-group",
        "auto.offset.reset": "earliest",
        **options,
    }
    with closing(getattr(confluent_kafka, kind)(settings)) as consumer:
        consumer.subscribe([topic])
        yield consumer


def transaction() -> str | None:
    return weftline.agent.transaction_id()


def fill(kafka: Kafka, topic: str, *traces: str) -> None:
    sending = producer(kafka)
    for number, trace in enumerate(traces):
        if trace:
            with in_request(trace=trace):
                sending.produce(topic, str(number).encode())
        else:
            sending.produce(topic, str(number).encode())
    sending.flush(10)


def poll(consumer: Any) -> Any:
    """The next message."""
    for _ in range(100):
        found = consumer.poll(0.2)
        if found is not None and found.error() is None:
            return found
    raise AssertionError("nothing came")


def test_a_message_from_a_request_to_the_code_that_works_on_it(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka
) -> None:
    start_agent()
    topic = new_topic()
    own = {"kind": "paid"}
    reports = []
    sending = producer(kafka)
    with in_request(request_id="r-1") as request:
        sending.produce(
            topic,
            b"{}",
            b"order-7",
            headers=own,
            on_delivery=lambda error, found: reports.append((error, found.offset())),
        )
        assert transaction() == TRACE
    sending.flush(10)
    assert (reports, own) == ([(None, 0)], {"kind": "paid"})
    with consuming(kafka, topic) as consumer:
        assert consumer.poll(0) is None
        assert transaction() is None
        found = poll(consumer)
        LOG.info("billing it")
        assert transaction() == TRACE
        consumer.commit(asynchronous=False)
        assert transaction() == TRACE
        assert consumer.poll(0) is None
        assert transaction() is None
    (sent,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    (taken,) = sink.wait(lambda s: s.spans(kind="CONSUMER"))
    (line,) = sink.wait(lambda s: s.logs(body="billing it"))
    assert dict(found.headers()) == {
        "kind": b"paid",
        "traceparent": f"00-{TRACE}-{sent['span_id']}-01".encode(),
        "x-request-id": b"r-1",
        "x-transaction-id": TRACE.encode(),
    }
    assert (sent["name"], sent["parent_id"]) == (f"send {topic}", f"{request.span_id:016x}")
    assert sent["attributes"] == {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": 0,
        "messaging.kafka.message.key": "order-7",
    }
    assert (taken["name"], taken["trace_id"], taken["parent_id"]) == (f"process {topic}", TRACE, sent["span_id"])
    assert taken["attributes"] == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": 0,
        "messaging.kafka.message.key": "order-7",
    }
    assert (line["trace_id"], line["span_id"]) == (TRACE, taken["span_id"])


def test_each_message_polled_has_its_own_transaction(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    fill(kafka, topic, A, "", B)
    with consuming(kafka, topic) as consumer:
        seen = []
        for _ in range(3):
            poll(consumer)
            seen.append(transaction())
    assert transaction() is None
    assert (seen[0], seen[2]) == (A, B)
    assert seen[1] not in (A, B, None)
    spans = sink.wait(lambda s: len(s.spans(kind="CONSUMER")) == 3 and s.spans(kind="CONSUMER"))
    assert [span["trace_id"] for span in spans] == seen


def test_the_messages_of_a_batch_as_a_loop_comes_to_them(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    fill(kafka, topic, A, B, C)
    seen: list[str | None] = []
    with consuming(kafka, topic) as consumer:
        while len(seen) < 3:
            batch = consumer.consume(10, timeout=1)
            assert isinstance(batch, list)
            assert [found.value() for found in list(batch)] == [found.value() for found in batch[:]]
            for found in batch:
                assert found.error() is None
                seen.append(transaction())
            assert transaction() is None
    assert seen == [A, B, C]
    spans = sink.wait(lambda s: len(s.spans(kind="CONSUMER")) >= 3 and s.spans(kind="CONSUMER"))
    assert [span["trace_id"] for span in spans] == [A, B, C]


def test_a_single_message_asked_for_is_in_hand_until_the_next(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka
) -> None:
    start_agent()
    topic = new_topic()
    fill(kafka, topic, A)
    with consuming(kafka, topic) as consumer:
        while not consumer.consume(timeout=0.2):
            assert transaction() is None
        assert transaction() == A
        assert consumer.consume(num_messages=1, timeout=0) == []
        assert transaction() is None


def test_without_a_delivery_report_the_span_ends_when_it_is_queued(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka
) -> None:
    start_agent()
    reports = []
    sending = producer(kafka, on_delivery=lambda error, found: reports.append(error))
    with in_request():
        sending.produce(new_topic(), b"x")
    (sent,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    sending.flush(10)
    assert reports == [None]
    assert "messaging.kafka.offset" not in sent["attributes"]


def test_a_report_that_never_comes(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    sending = producer(kafka, **{"delivery.report.only.error": True})
    with in_request():
        sending.produce(new_topic(), b"x", callback=lambda error, found: None)
    sending.flush(10)
    (sent,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    assert sent["status"] == 0


def test_what_the_broker_refuses(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic, reports = new_topic(), []
    sending = producer(kafka)
    with in_request():
        sending.produce(topic, b"x" * 5_000_000, callback=lambda error, found: reports.append(error.name()))
    sending.flush(10)
    (sent,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    assert reports == ["MSG_SIZE_TOO_LARGE"]
    assert (sent["status"], sent["attributes"]["error.type"]) == (2, "MSG_SIZE_TOO_LARGE")


def test_what_produce_itself_refuses(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    sending = producer(kafka)
    with in_request():
        with pytest.raises(TypeError):
            sending.produce(7, b"x")
        with pytest.raises(TypeError):
            sending.produce(new_topic(), 7)
        assert transaction() == TRACE
    (sent,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    assert (sent["status"], sent["attributes"]["error.type"]) == (2, "TypeError")


def test_sampled_out_the_ids_flow_and_lines_are_stamped(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    sending = producer(kafka)
    with in_request(0) as request:
        sending.produce(topic, b"x")
    sending.flush(10)
    with consuming(kafka, topic) as consumer:
        found = poll(consumer)
        LOG.info("billing it")
    assert dict(found.headers())["traceparent"] == f"00-{TRACE}-{request.span_id:016x}-00".encode()
    weftline.agent.stop()
    assert sink.spans() == []
    (line,) = sink.logs(body="billing it")
    assert (line["trace_id"], line["flags"]) == (TRACE, 0)


def test_the_serializing_classes(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    from confluent_kafka import DeserializingConsumer, Producer, SerializingProducer

    topic = new_topic()
    sending = SerializingProducer(
        {"bootstrap.servers": kafka.bootstrap_servers, "value.serializer": lambda value, _: str(value).encode()}
    )
    assert isinstance(sending, Producer)
    with in_request():
        sending.produce(topic, value=7)
    sending.flush(10)
    options = {"value.deserializer": lambda value, _: int(value)}
    with consuming(kafka, topic, DeserializingConsumer.__name__, **options) as consumer:
        assert poll(consumer).value() == 7
        assert transaction() == TRACE
    assert len(sink.wait(lambda s: s.spans(kind="CONSUMER"))) == 1
    assert len(sink.spans(kind="PRODUCER")) == 1


def test_leaving_a_consumers_with_block(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    from confluent_kafka import Consumer

    start_agent()
    if not hasattr(Consumer, "__exit__"):
        pytest.skip("this version's consumer is no context manager")
    topic = new_topic()
    fill(kafka, topic, A)
    settings = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "group.id": f"{topic}-group",
        "auto.offset.reset": "earliest",
    }
    with named_consumer(settings) as consumer:
        consumer.subscribe([topic])
        poll(consumer)
        assert transaction() == A
    assert transaction() is None


def named_consumer(settings: dict[str, str]) -> Any:
    """The class as a program finds it: under its own name."""
    import confluent_kafka

    return confluent_kafka.Consumer(settings)


def test_the_asynchronous_consumer(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    aio = pytest.importorskip("confluent_kafka.aio", reason="confluent-kafka before 2.12")

    start_agent()
    topic = new_topic()
    fill(kafka, topic, A, B, C)

    async def main() -> list[str | None]:
        seen: list[str | None] = []
        consumer = aio.AIOConsumer(
            {
                "bootstrap.servers": kafka.bootstrap_servers,
                "group.id": f"{topic}-group",
                "auto.offset.reset": "earliest",
            },
            max_workers=1,
        )
        await consumer.subscribe([topic])
        while not seen:
            if await consumer.poll(timeout=0.2) is not None:
                seen.append(transaction())
        # the thread that asks has nothing in hand
        in_thread = await asyncio.get_running_loop().run_in_executor(consumer.executor, transaction)
        assert in_thread == A  # as every executor's work: it was submitted within
        while len(seen) < 3:
            for _ in await consumer.consume(10, timeout=0.2):
                await asyncio.sleep(0)
                seen.append(transaction())
            assert transaction() is None
        assert await asyncio.get_running_loop().run_in_executor(consumer.executor, transaction) is None
        await consumer.close()
        return seen

    assert asyncio.run(main()) == [A, B, C]
    weftline.agent.stop()
    assert [span["trace_id"] for span in sink.spans(kind="CONSUMER")] == [A, B, C]
