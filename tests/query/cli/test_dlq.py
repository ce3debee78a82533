"""`weftline dlq` as operators run it, on real Kafka, with a real ingest that refuses and, mended, takes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaProducer, TopicPartition
from rich.cells import cell_len

from support.local import start_kafka
from support.otlp import log, logs_request, span, spans_request
from support.roles import Ingest, eventually
from weftline.collector.bus.kafka import connect_producer
from weftline.collector.bus.topics import DEAD_LETTERS, create_topics
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.ingest import replay
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
@pytest.mark.parametrize("arguments", [["list"], ["show", "0-1"], ["replay", "--all"]], ids=" ".join)
def test_kafka_away_is_told_before_one_loses_patience(arguments: list[str]) -> None:
    """In a process of its own: kafka-python forgets the sockets of a connection that failed."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        for port in (1, mute.getsockname()[1]):
            ran = subprocess.run(
                [sys.executable, "-m", "weftline.query.cli", "dlq", *arguments], capture_output=True, text=True, check=False,
                timeout=20, env={"WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"},
            )  # fmt: skip
            assert (ran.returncode, ran.stdout) == (1, "")
            [sentence] = ran.stderr.splitlines()
            assert f"Kafka at 127.0.0.1:{port} does not answer" in sentence


READING = """
import os, sys
from weftline.collector.errors import TryLater
from weftline.collector.wiring import open_dead_letters

box = open_dead_letters(os.environ)
records = box._records()
next(records)
print("reading", flush=True)
sys.stdin.readline()
try:
    list(box._records())
except TryLater as error:
    print(error)
box.close()
"""


@pytest.mark.kafka
def test_kafka_that_stops_answering_while_it_is_read_is_told(
    kafka: Kafka, settings: KafkaSettings, producer: KafkaProducer
) -> None:
    put_aside(producer, "otlp_spans", b"x", "before it stopped")
    command = [sys.executable, "-c", READING]
    env = {"WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers[0]}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as reading:
        assert reading.stdout
        assert reading.stdout.readline() == "reading\n"
        assert kafka.pid
        os.killpg(kafka.pid, signal.SIGSTOP)
        try:
            out, _ = reading.communicate("go on\n", timeout=25)
        finally:
            os.killpg(kafka.pid, signal.SIGCONT)
    assert out.startswith(f"Kafka at {settings.bootstrap_servers[0]} does not answer")


@pytest.mark.kafka
def test_a_message_that_does_not_come_is_not_waited_for_without_end(
    settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "_MESSAGES_SECONDS", 0.5)
    with closing(replay.DeadLetterBox(settings)) as box:
        ends = box._consumer.end_offsets([TopicPartition(DEAD_LETTERS, 0)])
        [end] = ends.values()
        with pytest.raises(TryLater, match="no message within"):
            list(box._records({0: (end, end + 1)}))


def test_a_message_is_described_as_far_as_it_can_be_read() -> None:
    assert '"spanId": "bbbbbbbbbbbbbbbb"' in describe("otlp_spans", spans_request(span(TX, "b" * 16)))
    assert describe("otlp_spans", b'{"resourceSpans": 1}') == '{"resourceSpans": 1}'
    assert describe("envoy_als", b"\xff\x00") == "ff 00"
    assert describe("otlp_spans", b"\xff" * 600).endswith("ff … and 88 bytes more")
