"""Who stores spans in the same ClickHouse: our ingest behind Kafka, our edge without, and rotel; how each is started and fed."""

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path

from crc32c import crc32c

from bench.otlp_load import send
from weftline.collector.bus.kafka import connect_producer
from weftline.collector.bus.topics import create_topics
from weftline.collector.settings import ClickHouseSettings, KafkaSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.migrate import migrate
from weftline.collector.store.protocol import Signal
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.kafka import Kafka
from weftline.deploy.local.ports import free_port, http_get, listens
from weftline.deploy.local.process import Process

SENDERS = 250
LINGER = 1.0
"""Seconds that all wait for a batch of 50,000 spans. Less makes inserts as small as the machine is busy."""
READY = "Spans are encoded here from now on"
COMPILING = 600.0
"""Seconds that the first start may take on a busy machine."""


@dataclass(slots=True)
class Contender:
    """``send`` hands over requests and returns once they are taken; they may be stored later."""

    name: str
    process: Process
    send: Callable[[Sequence[bytes]], None]
    database: str
    count: str
    receiver: list[float] = field(default_factory=list)
    """CPU seconds a round of the process, and of ClickHouse meanwhile"""
    server: list[float] = field(default_factory=list)

    def per_cpu_second(self, spans: int) -> float:
        """Median over rounds of ``spans`` spans of those stored per CPU second, receiver and ClickHouse added."""
        return statistics.median(spans / (r + s) for r, s in zip(self.receiver, self.server, strict=True))


def ingest(folder: Path, clickhouse: ClickHouse, kafka: Kafka, *, native: bool) -> Contender:
    """`weftline ingest`. ``kafka`` is its own: topics' names are fixed, and another ingest would read them too."""
    name = "ingest_native" if native else "ingest_sql"
    settings = KafkaSettings(bootstrap_servers=(kafka.bootstrap_servers,), partitions=1)
    create_topics(settings)
    producer = connect_producer(settings)

    def send(bodies: Sequence[bytes]) -> None:
        for answer in [producer.send(Signal.SPANS.value, it, key=crc32c(it).to_bytes(4)) for it in bodies]:
            answer.get(60)

    port = free_port()
    process = _weftline("ingest", name, folder, clickhouse, port, native, {
        "WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "WEFTLINE_INGEST_METRICS_PORT": str(port),
        "WEFTLINE_INGEST_BATCH_SECONDS": str(LINGER),
    })  # fmt: skip
    how = "encoded by numba" if native else "decoded in SQL"
    return Contender(f"weftline, Kafka, {how}", process, send, name, "SELECT count() FROM spans")


def edge(folder: Path, clickhouse: ClickHouse) -> Contender:
    """`weftline edge` without Kafka."""
    port = free_port()
    process = _weftline("edge", "edge_native", folder, clickhouse, port, True, {
        "WEFTLINE_EDGE_HTTP_PORT": str(port),
        "WEFTLINE_EDGE_GRPC_PORT": str(free_port()),
        "WEFTLINE_EDGE_DIRECT_LINGER": str(LINGER),
    })  # fmt: skip
    name = "weftline, OTLP/HTTP, encoded by numba"
    return Contender(name, process, partial(send, port, senders=SENDERS), "edge_native", "SELECT count() FROM spans")


def rotel(folder: Path, clickhouse: ClickHouse, binary: Path) -> Contender:
    """It has no receiver for Kafka."""
    port = free_port()
    with connect(ClickHouseSettings(tcp_port=clickhouse.tcp_port), database="default") as client:
        client.execute("CREATE DATABASE IF NOT EXISTS peer")
    with connect(ClickHouseSettings(tcp_port=clickhouse.tcp_port, database="peer")) as client:
        client.execute(files("bench.ingest").joinpath("otel_traces.sql").read_text(encoding="utf-8"))
    process = Process(
        "rotel",
        [
            str(binary), "start",
            "--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}",
            "--exporter", "clickhouse", "--clickhouse-exporter-endpoint", f"http://127.0.0.1:{clickhouse.http_port}",
            "--clickhouse-exporter-database", "peer", "--clickhouse-exporter-async-insert", "false",
            "--batch-max-size", "50000", "--batch-timeout", f"{LINGER:.0f}s",
        ],
        log=folder / "rotel.log",
        ready=lambda: listens(port),
    )  # fmt: skip
    return Contender(
        "rotel, OTLP/HTTP", process, partial(send, port, senders=SENDERS), "peer", "SELECT count() FROM otel_traces"
    )


def _weftline(
    role: str, name: str, folder: Path, clickhouse: ClickHouse, port: int, native: bool, environment: dict[str, str]
) -> Process:
    migrate(ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port, database=name))
    log = folder / f"{name}.log"
    process = Process(
        f"weftline {role}",
        [sys.executable, "-m", "weftline.collector", role],
        log=log,
        ready=lambda: http_get(port, "/health")[0] == 200 and (not native or READY in log.read_text()),
        env={
            "WEFTLINE_CLICKHOUSE_NATIVE": str(native).lower(),
            "WEFTLINE_CLICKHOUSE_DATABASE": name,
            "WEFTLINE_CLICKHOUSE_HTTP_PORT": str(clickhouse.http_port),
            "WEFTLINE_CLICKHOUSE_TCP_PORT": str(clickhouse.tcp_port),
            **environment,
        },
    )
    process.ready_seconds = COMPILING
    return process
