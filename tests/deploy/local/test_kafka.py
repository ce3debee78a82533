"""Apache Kafka as a child process."""

import re
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from support.local import start_kafka
from weftline.collector.errors import Misconfigured
from weftline.deploy.local.kafka import VERSION, Kafka, fetch_jars


@pytest.mark.kafka
def test_keeps_messages_over_a_restart(tmp_path: Path) -> None:
    with start_kafka(tmp_path) as broker:
        from kafka import KafkaConsumer, KafkaProducer

        producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
        for message in (b"one", b"two"):
            producer.send("topic", message).get(10)
        producer.close()
    assert broker.exit_code == 143  # Java's answer to SIGTERM: it shut down by itself
    with start_kafka(tmp_path) as broker:
        consumer = KafkaConsumer(
            "topic",
            bootstrap_servers=broker.bootstrap_servers,
            auto_offset_reset="earliest",
            consumer_timeout_ms=10_000,
        )
        assert [next(consumer).value for _ in range(2)] == [b"one", b"two"]
        consumer.close()
        with pytest.raises(Misconfigured, match="Kafka can't use the data folder"):
            Kafka(tmp_path).start()
        with pytest.raises(Misconfigured, match=rf"Kafka can't listen on 127\.0\.0\.1:{broker.port}"):
            Kafka(tmp_path / "other", port=broker.port).start()


def test_without_java_or_maven_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(Misconfigured, match="Kafka needs Java 17 or newer, and there is no `java` on the PATH"):
        fetch_jars()
    monkeypatch.setattr(shutil, "which", lambda program: "/usr/bin/java" if program == "java" else None)
    with pytest.raises(Misconfigured, match="there is no `mvn` on the PATH"):
        fetch_jars()
    (tmp_path / "weftline" / f"kafka-{VERSION}").mkdir(parents=True)
    assert fetch_jars() == tmp_path / "weftline" / f"kafka-{VERSION}"  # fetched once, Maven isn't needed any more


def test_a_maven_that_fails_is_quoted_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text("#!/bin/sh\necho '[ERROR] Could not resolve dependencies'\nexit 1\n")
    maven.chmod(0o755)
    (maven.parent / "java").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(maven.parent), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(Misconfigured, match=r"Maven could not fetch Kafka's jars: \[ERROR\] Could not resolve"):
        fetch_jars()
    assert list((tmp_path / "cache" / "weftline").iterdir()) == []


def test_the_version_is_the_one_in_the_pom() -> None:
    pom = (files("weftline.deploy.local") / "kafka_pom.xml").read_text()
    assert re.findall(r"kafka_2\.13</artifactId>\s*<version>([^<]*)<", pom) == [VERSION]
