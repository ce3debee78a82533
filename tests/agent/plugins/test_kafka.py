"""kafka-python against a real Apache Kafka."""

import logging
import pickle
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

import weftline.agent
from support.messages import SPAN, TRACE, in_request, new_topic
from support.otlp_sink import OtlpSink
from weftline.deploy.local.kafka import Kafka

pytestmark = pytest.mark.kafka
LOG = logging.getLogger("billing")
StartAgent = Callable[..., None]


@contextmanager
def producing(kafka: Kafka, **options: Any) -> Iterator[Any]:
    from kafka import KafkaProducer

    with closing(KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, client_id="cart", **options)) as producer:
        yield producer


@contextmanager
def consuming(kafka: Kafka, *topics: str, **options: Any) -> Iterator[Any]:
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        *topics, bootstrap_servers=kafka.bootstrap_servers, client_id="billing", auto_offset_reset="earliest",
        **{"consumer_timeout_ms": 10_000, "group_id": f"{topics[0]}-group", **options},
    )  # fmt: skip
    with closing(consumer):
        yield consumer


def transaction() -> str | None:
    return weftline.agent.transaction_id()


def traceparent(headers: Any) -> str:
    (found,) = [value.decode() for name, value in headers if name == "traceparent"]
    return str(found)


def test_a_record_from_a_request_to_the_loop_that_works_on_it(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka
) -> None:
    start_agent()
    topic = new_topic()
    own = [("kind", b"paid")]
    with producing(kafka) as producer, in_request(tracestate="a=1", request_id="r-1") as request:
        metadata = producer.send(topic, b"{}", key=b"order-7", headers=own).get(10)
        assert transaction() == TRACE
    assert own == [("kind", b"paid")]
    seen = []
    with consuming(kafka, topic) as consumer:
        for record in consumer:
            LOG.info("billing it")
            seen.append((transaction(), record.value, dict(record.headers)))
            break
        assert transaction() is None
    (sent,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    (taken,) = sink.wait(lambda s: s.spans(kind="CONSUMER"))
    (line,) = sink.wait(lambda s: s.logs(body="billing it"))
    headers = seen[0][2]
    assert seen[0][:2] == (TRACE, b"{}")
    assert headers.pop("kind") == b"paid"
    assert headers == {
        "traceparent": f"00-{TRACE}-{sent['span_id']}-01".encode(),
        "tracestate": b"a=1",
        "x-request-id": b"r-1",
        "x-transaction-id": TRACE.encode(),
    }
    assert (sent["name"], sent["parent_id"]) == (f"send {topic}", f"{request.span_id:016x}")
    assert sent["attributes"] == {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": str(metadata.partition),
        "messaging.kafka.offset": 0,
        "messaging.kafka.message.key": "order-7",
        "messaging.client.id": "cart",
    }
    assert (taken["name"], taken["trace_id"], taken["parent_id"]) == (f"process {topic}", TRACE, sent["span_id"])
    assert (taken["tracestate"], taken["links"], taken["status"]) == ("a=1", [], 0)
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
    assert taken["start"] <= line["time"] <= taken["end"]


def fill(kafka: Kafka, topic: str, *traces: str, flags: int = 1) -> None:
    """A record for each transaction; an empty one stands for a record that was sent without any."""
    with producing(kafka) as producer:
        for number, trace in enumerate(traces):
            if trace:
                with in_request(flags, trace):
                    producer.send(topic, str(number).encode())
            else:
                producer.send(topic, str(number).encode())


A, B, C = "a" * 32, "b" * 32, "c" * 32


def test_each_record_of_the_loop_has_its_own_transaction(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    fill(kafka, topic, A, B)
    with consuming(kafka, topic, consumer_timeout_ms=3000) as consumer:
        seen = [transaction() for record in consumer]
        assert seen == [A, B]
        assert transaction() is None
    spans = sink.wait(lambda s: len(s.spans(kind="CONSUMER")) == 2 and s.spans(kind="CONSUMER"))
    assert [span["trace_id"] for span in spans] == [A, B]
    assert spans[0]["end"] <= spans[1]["start"]


def test_a_record_without_headers_begins_a_transaction(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    topic = new_topic()
    fill(kafka, topic, "")
    start_agent()
    with consuming(kafka, topic) as consumer, in_request() as request:
        next(consumer)
        inside = transaction()
        assert inside not in (None, TRACE)
        consumer.commit()
        assert transaction() == inside
        consumer.poll(0)
        assert transaction() == TRACE
    (span,) = sink.wait(lambda s: s.spans(kind="CONSUMER"))
    assert (span["trace_id"], span["parent_id"]) == (inside, "")
    assert span["links"] == [(TRACE, f"{request.span_id:016x}")]


def test_closing_puts_the_last_record_down(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    fill(kafka, topic, A)
    with consuming(kafka, topic) as consumer:
        next(consumer)
        assert transaction() == A
        assert sink.spans(kind="CONSUMER") == []
    assert transaction() is None
    sink.wait(lambda s: s.spans(kind="CONSUMER", trace_id=A))


def test_an_exception_that_leaves_the_loop(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    fill(kafka, topic, A)
    with consuming(kafka, topic) as consumer:

        def work() -> None:
            for record in consumer:
                1 / (len(record.value) - 1)

        with pytest.raises(ZeroDivisionError):
            work()
        assert transaction() is None
    sink.wait(lambda s: s.spans(kind="CONSUMER", trace_id=A))


def test_the_loops_iterator_is_the_consumer_for_all_but_identity(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka
) -> None:
    from kafka import KafkaConsumer

    start_agent()
    topic = new_topic()
    with consuming(kafka, topic) as consumer:
        loop = iter(consumer)
        assert isinstance(loop, KafkaConsumer)
        assert iter(loop) is loop
        assert loop.subscription() == {topic}


def poll(consumer: Any, **options: Any) -> list[Any]:
    """The first batch that isn't empty, of the one partition there is."""
    for _ in range(100):
        batch = consumer.poll(100, **options)
        if batch:
            (records,) = batch.values()
            return records  # type: ignore[no-any-return]
    raise AssertionError("nothing came")


def test_the_records_of_a_batch_as_a_loop_comes_to_them(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    fill(kafka, topic, A, B, C)
    seen = []
    with consuming(kafka, topic) as consumer:
        records = poll(consumer)
        assert isinstance(records, list)
        assert transaction() is None
        for number, record in enumerate(records):
            LOG.info("record %s", record.value.decode())
            seen.append(transaction())
            if number == 1:
                break
        assert (seen, transaction()) == ([A, B], None)
    spans = sink.wait(lambda s: len(s.spans(kind="CONSUMER")) == 2 and s.spans(kind="CONSUMER"))
    assert [span["trace_id"] for span in spans] == [A, B]
    lines = sink.wait(lambda s: len(s.logs(logger="billing")) == 2 and s.logs(logger="billing"))
    assert [(line["body"], line["span_id"]) for line in lines] == [
        ("record 0", spans[0]["span_id"]),
        ("record 1", spans[1]["span_id"]),
    ]


def test_copying_a_batch_takes_nothing_in_hand(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    fill(kafka, topic, A, B)
    with consuming(kafka, topic) as consumer:
        records = poll(consumer)
        gathered: list[Any] = []
        gathered.extend(records)
        plain = list(records)
        assert gathered == plain == records == records[:] == sorted(records, key=lambda record: record.offset)
        assert (type(records[:]), type(pickle.loads(pickle.dumps(records)))) == (list, list)
        assert repr(records) == repr(plain)
    weftline.agent.stop()
    assert sink.spans(kind="CONSUMER") == []


def test_a_single_record_asked_for_is_in_hand_until_the_next_poll(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka
) -> None:
    start_agent()
    topic = new_topic()
    fill(kafka, topic, A, B)
    with consuming(kafka, topic) as consumer:
        assert type(poll(consumer, max_records=1)) is list
        assert transaction() == A
        poll(consumer, max_records=1)
        assert transaction() == B
        assert consumer.poll(0) == {}
        assert transaction() is None
    weftline.agent.stop()
    assert [span["trace_id"] for span in sink.spans(kind="CONSUMER")] == [A, B]


def test_sampled_out_the_ids_flow_and_lines_are_stamped(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    with producing(kafka) as producer, in_request(0) as request:
        producer.send(topic, b"x").get(10)
    with consuming(kafka, topic) as consumer:
        record = next(consumer)
        LOG.info("billing it")
        assert traceparent(record.headers) == f"00-{TRACE}-{request.span_id:016x}-00"
        assert transaction() == TRACE
    weftline.agent.stop()
    assert sink.spans() == []
    (line,) = sink.logs(body="billing it")
    assert (line["trace_id"], line["flags"]) == (TRACE, 0)
    assert line["attributes"]["weftline.parent_span_id"] == f"{request.span_id:016x}"


def test_outside_any_transaction_a_record_begins_one(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    fill(kafka, topic, "")
    with consuming(kafka, topic) as consumer:
        next(consumer)
        inside = transaction()
    (sent,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    assert (sent["trace_id"], sent["parent_id"]) == (inside, "")


def test_headers_handed_on_by_the_application_are_replaced(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka
) -> None:
    start_agent()
    first, second = new_topic(), new_topic()
    fill(kafka, first, A)
    with consuming(kafka, first) as consumer, producing(kafka) as producer:
        for record in consumer:
            producer.send(second, record.value, headers=[*record.headers, ("hop", b"1")]).get(10)
            break
    with consuming(kafka, second) as consumer:
        headers = next(consumer).headers
        assert transaction() == A
    spans = sink.wait(lambda s: len(s.spans()) >= 5 and s.spans(trace_id=A))
    by_name = {span["name"]: span for span in spans}
    onward = by_name[f"send {second}"]
    assert onward["parent_id"] == by_name[f"process {first}"]["span_id"]
    assert traceparent(headers) == f"00-{A}-{onward['span_id']}-01"
    assert ("hop", b"1") in headers
    assert len([name for name, _ in headers if name == "x-transaction-id"]) == 1


def test_headers_of_the_applications_own_stay(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    own = f"00-{C}-{'d' * 16}-01"
    with producing(kafka) as producer, in_request():
        producer.send(topic, b"x", headers=[("traceparent", own.encode())]).get(10)
    with consuming(kafka, topic) as consumer:
        assert traceparent(next(consumer).headers) == own
        assert transaction() == C


def test_baggage_and_other_systems_ids_arrive(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    from opentelemetry import baggage
    from opentelemetry import context as otel

    start_agent()
    topic = new_topic()
    with producing(kafka) as producer, in_request():
        before = otel.get_current()
        otel.attach(baggage.set_baggage("tenant", "acme"))
        producer.send(topic, b"x", headers=[("uber-trace-id", f"{C}:{'d' * 16}:0:1".encode())]).get(10)
        otel.attach(before)
    with consuming(kafka, topic) as consumer:
        for _ in consumer:
            assert (transaction(), baggage.get_baggage("tenant")) == (TRACE, "acme")
            break
        assert baggage.get_baggage("tenant") is None
    (alias,) = sink.wait(lambda s: s.logs(event_name="weftline.alias"))
    assert (alias["trace_id"], alias["attributes"]["weftline.alias"]) == (TRACE, C)


def test_what_the_broker_refuses(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    from kafka.errors import KafkaError

    start_agent()
    topic = new_topic()
    with producing(kafka, max_request_size=10_000_000, compression_type=None) as producer, in_request():
        future = producer.send(topic, b"x" * 5_000_000)
        with pytest.raises(KafkaError) as caught:
            future.get(10)
    (span,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    assert span["status"] == 2
    assert span["attributes"]["error.type"] == f"kafka.errors.{type(caught.value).__name__}"


def test_what_send_itself_refuses(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    start_agent()
    topic = new_topic()
    raised = set()
    with producing(kafka) as producer, in_request():
        for wrong in ({"value": 7}, {"value": b"x", "headers": (("a", b"b"),)}, {}):
            with pytest.raises((TypeError, ValueError, AssertionError)) as refused:  # before 3.0 it asserts
                producer.send(topic, **wrong)
            raised.add((2, refused.type.__name__))
        assert transaction() == TRACE
    spans = sink.wait(lambda s: len(s.spans(kind="PRODUCER")) == 2 and s.spans(kind="PRODUCER"))
    assert {(span["status"], span["attributes"]["error.type"]) for span in spans} == raised


@pytest.mark.parametrize(
    ("key", "noted"), [(b"k" * 64, "k" * 64), (b"k" * 65, None), (b"\xff", None), (b"a\nb", None), (b"", None)]
)
def test_which_keys_are_noted(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka, key: bytes, noted: str | None
) -> None:
    start_agent()
    with producing(kafka) as producer:
        producer.send(new_topic(), None, key=key)
    (span,) = sink.wait(lambda s: s.spans(kind="PRODUCER"))
    assert span["attributes"].get("messaging.kafka.message.key") == noted
    assert span["attributes"]["messaging.kafka.message.tombstone"] is True


def test_messages_too_old_for_headers_have_none(start_agent: StartAgent, sink: OtlpSink, kafka: Kafka) -> None:
    from weftline.agent.plugins.kafka import queued, send

    start_agent()

    class Old:
        """A producer as it is towards a broker older than 0.11, of which none can be had."""

        def __init__(self) -> None:
            self.config = {"api_version": (0, 10, 2), "client_id": None}

    class Future:
        def add_callback(self, callback: Any) -> None:
            callback(self)

        def add_errback(self, callback: Any) -> None:
            pass

        partition, offset = 0, 3

    with in_request():
        headers, sending = send(None, Old(), "orders", b"x", None)
        assert headers is None
        queued(sending, Future())
    assert sink.wait(lambda s: s.spans(kind="PRODUCER", trace_id=TRACE))


def test_beside_contribs_instrumentor_nothing_is_doubled(
    start_agent: StartAgent, sink: OtlpSink, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its package isn't installed here: what is left to test is that we keep out of its way."""
    monkeypatch.setattr("weftline.agent.foreign.instruments", lambda *_: True)
    start_agent()
    topic = new_topic()
    with producing(kafka) as producer, in_request() as request:
        producer.send(topic, b"x").get(10)
    with consuming(kafka, topic) as consumer:
        assert type(iter(consumer)).__name__ == "KafkaConsumer"
        assert traceparent(next(consumer).headers) == f"00-{TRACE}-{request.span_id:016x}-01"
        assert transaction() is None
    weftline.agent.stop()
    assert [span["kind"] for span in sink.spans()] == ["SERVER"]
    assert SPAN in {span["parent_id"] for span in sink.spans()}
