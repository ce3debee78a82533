"""aiokafka against a real Apache Kafka."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
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


@asynccontextmanager
async def producing(kafka: Kafka, **options: Any) -> AsyncIterator[Any]:
    from aiokafka import AIOKafkaProducer

    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, client_id="cart", **options) as producer:
        yield producer


@asynccontextmanager
async def consuming(kafka: Kafka, topic: str, **options: Any) -> AsyncIterator[Any]:
    from aiokafka import AIOKafkaConsumer

    settings = {"group_id": f"{topic}-group", "auto_offset_reset": "earliest", **options}
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap_servers, client_id="billing", **settings
    ) as consumer:
        yield consumer


def transaction() -> str | None:
    return weftline.agent.transaction_id()


async def fill(kafka: Kafka, topic: str, *traces: str) -> None:
    async with producing(kafka) as producer:
        for number, trace in enumerate(traces):
            if trace:
                with in_request(trace=trace):
                    await producer.send_and_wait(topic, str(number).encode())
            else:
                await producer.send_and_wait(topic, str(number).encode())


def test_a_record_from_a_request_to_the_loop_that_works_on_it(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka
) -> None:
    start_agent()
    topic = new_topic()
    own = [("kind", b"paid")]

    async def main() -> Any:
        async with producing(kafka) as producer:
            with in_request(request_id="r-1"):
                await producer.send_and_wait(topic, b"{}", key=b"order-7", headers=own)
                assert transaction() == TRACE
        assert own == [("kind", b"paid")]
        async with consuming(kafka, topic) as consumer:
            async for record in consumer:
                await asyncio.sleep(0)
                LOG.info("billing it")
                inside, headers = transaction(), dict(record.headers)
                break
            assert (inside, transaction()) == (TRACE, None)
            return headers

    headers = asyncio.run(main())
    (sent,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    (taken,) = sink.wait(lambda s: s.spans(kind="CONSUMER"))
    (line,) = sink.wait(lambda s: s.logs(body="billing it"))
    assert headers == {
        "kind": b"paid",
        "traceparent": f"00-{TRACE}-{sent['span_id']}-01".encode(),
        "x-request-id": b"r-1",
        "x-transaction-id": TRACE.encode(),
    }
    assert (sent["name"], sent["trace_id"], sent["status"]) == (f"send {topic}", TRACE, 0)
    assert sent["attributes"] == {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": 0,
        "messaging.kafka.message.key": "order-7",
        "messaging.client.id": "cart",
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
        "messaging.consumer.group.name": f"{topic}-group",
        "messaging.client.id": "billing",
    }
    assert (line["trace_id"], line["span_id"]) == (TRACE, taken["span_id"])


def test_getone_until_the_next_and_until_the_consumer_stops(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka
) -> None:
    start_agent()
    topic = new_topic()

    async def main() -> None:
        await fill(kafka, topic, A, "")
        async with consuming(kafka, topic) as consumer:
            await consumer.getone()
            assert transaction() == A
            await consumer.commit()
            assert transaction() == A
            await consumer.getone()
            assert transaction() not in (A, None)
        assert transaction() is None

    asyncio.run(main())
    spans = sink.wait(lambda s: len(s.spans(kind="CONSUMER")) == 2 and s.spans(kind="CONSUMER"))
    assert spans[0]["trace_id"] == A
    assert spans[0]["end"] <= spans[1]["start"]


def test_getone_with_a_timeout(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    seen: list[str | None] = []

    async def main() -> None:
        await fill(kafka, topic, A, B)
        async with consuming(kafka, topic) as consumer:
            for _ in range(2):
                record = await asyncio.wait_for(consumer.getone(), 30)
                seen.append(transaction())
                await asyncio.wait_for(asyncio.sleep(0), 1)
                seen.append(transaction())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(consumer.getone(), 0.2)
            seen.append(transaction())
            with in_request(trace=C):
                assert await asyncio.wait_for(asyncio.sleep(0, record), 1) is record  # it was put down long ago
                assert await asyncio.wait_for(asyncio.sleep(0, "x"), 1) == "x"
                seen.append(transaction())

    asyncio.run(main())
    assert seen == [A, A, B, B, None, C]
    spans = sink.wait(lambda s: len(s.spans(kind="CONSUMER")) == 2 and s.spans(kind="CONSUMER"))
    assert [span["trace_id"] for span in spans] == [A, B]


def test_tasks_started_for_a_record_belong_to_it(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()

    async def work() -> str | None:
        await asyncio.sleep(0.01)
        return transaction()

    async def main() -> list[str | None]:
        await fill(kafka, topic, A, B, C)
        tasks = []
        async with consuming(kafka, topic) as consumer:
            async for _ in consumer:
                tasks.append(asyncio.create_task(work()))
                if len(tasks) == 3:
                    break
            return list(await asyncio.gather(*tasks))

    assert asyncio.run(main()) == [A, B, C]


def test_the_records_of_a_batch_as_a_loop_comes_to_them(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()

    async def main() -> list[str | None]:
        await fill(kafka, topic, A, B)
        seen = []
        async with consuming(kafka, topic) as consumer:
            while len(seen) < 2:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for _ in records:
                        await asyncio.sleep(0)
                        seen.append(transaction())
                assert transaction() is None
        return seen

    assert asyncio.run(main()) == [A, B]
    spans = sink.wait(lambda s: len(s.spans(kind="CONSUMER")) == 2 and s.spans(kind="CONSUMER"))
    assert [span["trace_id"] for span in spans] == [A, B]


@pytest.mark.parametrize("how", ["comprehension", "generator", "map", "tasks", "task group", "nested"])
def test_the_records_of_a_batch_gathered(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka, how: str) -> None:
    start_agent()
    topic = new_topic()
    release = asyncio.Event()

    async def work(record: Any) -> tuple[int, str | None]:
        await release.wait()  # nobody is done before all have begun
        LOG.info("worked on %d", record.offset)
        return record.offset, transaction()

    async def other() -> str | None:
        release.set()
        return transaction()

    async def main() -> dict[int, str | None]:
        await fill(kafka, topic, A, B, C)
        async with consuming(kafka, topic) as consumer:
            data: dict[Any, Any] = {}
            while sum(map(len, data.values())) < 3:
                data = await consumer.getmany(timeout_ms=500)
                if sum(map(len, data.values())) < 3:
                    await consumer.seek_to_beginning()
            (records,) = data.values()
            if how == "comprehension":
                *done, outside = await asyncio.gather(*[work(record) for record in records], other())
            elif how == "generator":
                *done, outside = await asyncio.gather(*(work(record) for record in records), other())
            elif how == "map":
                *done, outside = await asyncio.gather(*map(work, records), other())
            elif how == "tasks":
                *done, outside = await asyncio.gather(*[asyncio.create_task(work(r)) for r in records], other())
            elif how == "nested":
                waiting = [work(record) for _, some in data.items() for record in some]
                *done, outside = await asyncio.gather(*waiting, other())
            else:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(work(record)) for record in records]
                    outside = await other()
                done = [task.result() for task in tasks]
            assert outside is transaction() is None
            return dict(done)

    assert asyncio.run(main()) == {0: A, 1: B, 2: C}
    logs = sink.wait(lambda s: len(found := s.logs(logger="billing")) == 3 and found)
    spans = sink.wait(lambda s: len(s.spans(kind="CONSUMER")) == 3 and s.spans(kind="CONSUMER"))
    assert {log["trace_id"]: log["span_id"] for log in logs} == {span["trace_id"]: span["span_id"] for span in spans}
    weftline.agent.stop()
    assert len(sink.spans(kind="CONSUMER")) == 3
    if how == "map":  # no loop takes it in hand before: the span is the work's
        ends = {span["trace_id"]: span["end"] for span in spans}
        assert all(log["time"] <= ends[log["trace_id"]] for log in logs)


def test_what_is_gathered_without_a_record_is_left_alone(start_agent: StartAgent) -> None:
    import aiokafka  # noqa: F401 - whose plugin weaves gather

    start_agent()

    async def fails() -> None:
        raise LookupError

    async def main() -> list[Any]:
        future = asyncio.get_running_loop().create_future()
        future.set_result(1)
        same = asyncio.sleep(0, 2)
        return await asyncio.gather(future, same, same, fails(), return_exceptions=True)

    one, two, again, error = asyncio.run(main())
    assert (one, two, again, type(error)) == (1, 2, 2, LookupError)


def test_a_single_record_asked_for_is_in_hand_until_the_next(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka
) -> None:
    start_agent()
    topic = new_topic()

    async def main() -> None:
        await fill(kafka, topic, A)
        async with consuming(kafka, topic) as consumer:
            while not await consumer.getmany(timeout_ms=200, max_records=1):
                assert transaction() is None
            assert transaction() == A
            await consumer.getmany(timeout_ms=0)
            assert transaction() is None

    asyncio.run(main())
    assert len(sink.wait(lambda s: s.spans(kind="CONSUMER"))) == 1


def test_sampled_out_the_ids_flow_and_lines_are_stamped(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()

    async def main() -> None:
        async with producing(kafka) as producer:
            with in_request(0):
                await producer.send_and_wait(topic, b"x")
        async with consuming(kafka, topic) as consumer:
            async for _ in consumer:
                LOG.info("billing it")
                break

    asyncio.run(main())
    weftline.agent.stop()
    assert sink.spans() == []
    (line,) = sink.logs(body="billing it")
    assert (line["trace_id"], line["flags"]) == (TRACE, 0)


def test_what_is_refused(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    from aiokafka.errors import KafkaError

    start_agent()
    topic = new_topic()

    async def main() -> str:
        async with producing(kafka, max_request_size=10_000_000) as producer:
            with in_request():
                with pytest.raises(AssertionError):
                    await producer.send(topic)
                with pytest.raises(KafkaError) as caught:
                    await (await producer.send(topic, b"x" * 5_000_000))
                assert transaction() == TRACE
                return f"{caught.type.__module__}.{caught.type.__name__}"

    name = asyncio.run(main())
    spans = sink.wait(lambda s: len(s.spans(kind="PRODUCER")) == 2 and s.spans(kind="PRODUCER"))
    assert [(span["status"], span["attributes"]["error.type"]) for span in spans] == [
        (2, "AssertionError"),
        (2, name),
    ]


def test_consumers_in_tasks_do_not_mix(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topics = {new_topic(): A, new_topic(): B}

    async def consume(topic: str) -> str | None:
        async with consuming(kafka, topic) as consumer:
            async for _ in consumer:
                await asyncio.sleep(0.05)
                return transaction()
        raise AssertionError("the consumer stopped")

    async def main() -> list[str | None]:
        for topic, trace in topics.items():
            await fill(kafka, topic, trace)
        return list(await asyncio.gather(*(asyncio.create_task(consume(topic)) for topic in topics)))

    assert asyncio.run(main()) == [A, B]
