"""`weftline dlq` as operators run it, on real Kafka, with a real ingest that refuses and, mended, takes."""

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaProducer
from rich.cells import cell_len

from support.local import start_kafka
from support.otlp import log, logs_request, span, spans_request
from support.roles import Ingest, eventually
from weftline.collector.bus.kafka import connect_producer
from weftline.collector.bus.topics import create_topics
from weftline.collector.errors import BadMessage
from weftline.collector.ingest.deadletter import DeadLetters
from weftline.collector.ingest.offsets import Batch
from weftline.collector.ingest.replay import describe
from weftline.collector.settings import ClickHouseSettings, KafkaSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.deploy.local.kafka import Kafka
from weftline.query.cli.dlq import dlq

TX = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker of its own: `replay --all` takes whatever other tests have put aside, into topics that are gone."""
    with start_kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def settings(kafka: Kafka) -> KafkaSettings:
    settings = KafkaSettings(bootstrap_servers=(kafka.bootstrap_servers,))
    create_topics(settings)
    return settings


@pytest.fixture
def producer(settings: KafkaSettings) -> Iterator[KafkaProducer]:
    producer = connect_producer(settings)
    yield producer
    producer.close()


def run(settings: KafkaSettings, *arguments: str) -> Result:
    env = {"WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers[0], "COLUMNS": "80"}
    ran = CliRunner().invoke(dlq, arguments, env=env)
    print(ran.output)
    return ran


def letters(settings: KafkaSettings, reason: str) -> list[dict]:
    ran = run(settings, "list", "--all", "--json")
    assert ran.exit_code == 0, ran.output
    return [it for it in json.loads(ran.stdout) if it["reason"] == reason]


def put_aside(producer: KafkaProducer, topic: str, message: bytes, reason: str) -> None:
    DeadLetters(producer).put(Batch(topic, 1, [41], [message], [""]), 0, BadMessage(reason))


def messages_in(settings: KafkaSettings, topic: str, value: bytes) -> list[int]:
    """Partitions of the messages with these bytes."""
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        topic, bootstrap_servers=list(settings.bootstrap_servers), auto_offset_reset="earliest", enable_auto_commit=False,
        consumer_timeout_ms=2_000,
    )  # fmt: skip
    found = [record.partition for record in consumer if record.value == value]
    consumer.close()
    return found


@pytest.mark.kafka
def test_a_letter_goes_back_once(settings: KafkaSettings, producer: KafkaProducer, tmp_path: Path) -> None:
    reason = f"not before the mend {uuid.uuid4().hex}"
    message = spans_request(span(TX, "b" * 16), **{"weftline.test": reason})
    put_aside(producer, "otlp_spans", message, reason)
    [letter] = letters(settings, reason)
    assert {**letter, "id": "", "time": ""} == {
        "id": "", "time": "", "topic": "otlp_spans", "partition": 1, "offset": 41, "size": len(message), "reason": reason,
        "replayed": False, "tenant": "",
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", letter["time"])

    listed = run(settings, "list").stdout
    assert f"otlp_spans-1@41  {len(message)} bytes" in listed
    assert reason in listed
    assert max(map(cell_len, listed.splitlines())) <= 80

    shown = run(settings, "show", letter["id"], "--raw", str(tmp_path / "message"))
    assert f"reason: {reason}" in shown.stdout
    assert f'"traceId": "{TX}"' in shown.stdout
    assert (tmp_path / "message").read_bytes() == message

    assert "Put 1 messages back; 0 had gone back before." in run(settings, "replay", letter["id"]).stdout
    assert "Put 0 messages back; 1 had gone back before." in run(settings, "replay", letter["id"]).stdout
    assert messages_in(settings, "otlp_spans", message) == [1]
    assert letters(settings, reason)[0]["replayed"] is True
    assert reason not in run(settings, "list").stdout
    assert f"{letter['id']:<10}" in (with_it := run(settings, "list", "--all").stdout)
    assert "replayed" in with_it
    assert "Put 1 messages back" in run(settings, "replay", letter["id"], "--again").stdout
    assert messages_in(settings, "otlp_spans", message) == [1, 1]


@pytest.mark.kafka
def test_all_that_wait_go_back(settings: KafkaSettings, producer: KafkaProducer) -> None:
    reason = f"all {uuid.uuid4().hex}"
    messages = [logs_request(log(TX, "b" * 16, f"{reason} {n}")) for n in range(5)]
    for message in messages:
        put_aside(producer, "otlp_logs", message, reason)
    first = letters(settings, reason)[0]
    run(settings, "replay", first["id"])
    run(settings, "replay", "--all")
    assert all(it["replayed"] for it in letters(settings, reason))
    assert [messages_in(settings, "otlp_logs", message) for message in messages] == [[1]] * 5


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_after_the_mend_ingest_stores_it_once(
    settings: KafkaSettings,
    producer: KafkaProducer,
    store: ClickHouseSettings,
    reader: ClickHouseReader,
    tmp_path: Path,
) -> None:
    """It goes back twice, as after a replay that was killed before it could note what it did."""
    transaction, reason = uuid.uuid4().hex, f"mended {uuid.uuid4().hex}"
    put_aside(producer, "otlp_spans", spans_request(span(transaction, "b" * 16)), reason)
    [letter] = letters(settings, reason)
    for _ in range(2):
        run(settings, "replay", letter["id"], "--again")
    ingest = Ingest(
        tmp_path, store, WEFTLINE_KAFKA_BOOTSTRAP_SERVERS=settings.bootstrap_servers[0],
        WEFTLINE_KAFKA_GROUP_ID=f"test-{transaction[:8]}", WEFTLINE_INGEST_BATCH_SECONDS=0.2,
    )  # fmt: skip
    ingest.start()
    try:
        eventually(lambda: reader.transaction(transaction, 10), 60)
        assert len(reader.transaction(transaction, 10)) == 1
    finally:
        ingest.stop()


@pytest.mark.kafka
def test_what_is_wrong_is_said(settings: KafkaSettings, producer: KafkaProducer) -> None:
    reason = f"gone {uuid.uuid4().hex}"
    DeadLetters(producer).put(Batch("otlp_spans", 99, [0], [b"x"], [""]), 0, BadMessage(reason))
    [letter] = letters(settings, reason)
    for arguments, code, says in (
        (("show", "0-999999"), 2, "There is no dead letter 0-999999."),
        (("replay",), 2, "Name the letters, or say --all."),
        (("replay", letter["id"]), 2, "Topic otlp_spans has no partition 99"),
    ):
        ran = run(settings, *arguments)
        assert (ran.exit_code, says in ran.output) == (code, True), ran.output
    assert letters(settings, reason)[0]["replayed"] is False
    assert run(KafkaSettings(bootstrap_servers=("",)), "list").exit_code == 2


@pytest.mark.socket
def test_kafka_away_is_told() -> None:
    """In a process of its own: kafka-python forgets the sockets of a connection that failed."""
    ran = subprocess.run(
        [sys.executable, "-m", "weftline.query.cli", "dlq", "list"], capture_output=True, text=True, check=False, timeout=60,
        env={"WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
    )  # fmt: skip
    assert ran.returncode == 1, ran.stderr
    assert "Kafka at 127.0.0.1:1 does not answer" in ran.stderr


def test_a_message_is_described_as_far_as_it_can_be_read() -> None:
    assert '"spanId": "bbbbbbbbbbbbbbbb"' in describe("otlp_spans", spans_request(span(TX, "b" * 16)))
    assert describe("otlp_spans", b'{"resourceSpans": 1}') == '{"resourceSpans": 1}'
    assert describe("envoy_als", b"\xff\x00") == "ff 00"
    assert describe("otlp_spans", b"\xff" * 600).endswith("ff … and 88 bytes more")
