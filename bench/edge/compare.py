"""Interleaved rounds of the same requests to our edge and to rotel; both write to the same broker, each to a topic of its own.

Ours answers when all in-sync replicas have the message (acks=all, idempotent, zstd); rotel is told the same acks and
compression, but answers before the broker does.
"""

import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition
from kafka.codec import zstd_encode
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.cpu import cpu_seconds
from bench.ingest.payload import requests
from bench.otlp_load import send
from weftline.collector.store.protocol import Signal
from weftline.deploy.local.kafka import Kafka
from weftline.deploy.local.ports import free_port, http_get, listens
from weftline.deploy.local.process import Process

ROUNDS, REQUESTS, SENDERS = 5, 2_000, 50
SIZES = (200, 1_000)
"""Spans a request: what an SDK's batch processor sends (512 at the most), and what a Collector does (its default is 8,192)."""


@dataclass(slots=True)
class Contender:
    name: str
    process: Process
    port: int
    topic: str
    seconds: dict[int, list[float]] = field(default_factory=dict)

    def per_cpu_second(self, size: int) -> float:
        return statistics.median(REQUESTS * 200 / it for it in self.seconds[size])


def main() -> None:
    """Run and print the table."""
    spec = importlib.util.find_spec("rotel")
    if spec is None or spec.origin is None:
        sys.exit("The peer is missing: pip install -e '.[bench]'")
    with tempfile.TemporaryDirectory() as folder, Kafka(Path(folder) / "kafka", port=free_port()) as kafka:
        contenders = [
            _weftline(Path(folder), kafka),
            _rotel(Path(folder), kafka, Path(spec.origin).parent / "rotel-agent"),
        ]
        try:
            for contender in contenders:
                contender.process.start()
                contender.process.wait_ready()
            for size in SIZES:
                for number in range(ROUNDS + 1):
                    bodies = list(requests(REQUESTS * 200 // size, size, seed=number + 1))
                    for contender in contenders if number % 2 else reversed(contenders):
                        _round(contender, kafka, bodies, size, warm_up=number == 0)
        finally:
            for contender in contenders:
                contender.process.stop()
    _print(contenders)


def _round(contender: Contender, kafka: Kafka, bodies: Sequence[bytes], size: int, *, warm_up: bool) -> None:
    pid = contender.process.pid
    assert pid is not None
    before, began = _messages(kafka, contender.topic), cpu_seconds(pid)
    send(contender.port, bodies, SENDERS)
    deadline, last = time.monotonic() + 120, -1
    # rotel may put requests together: what it sends is done when the broker gets no more of it.
    while ((now := _messages(kafka, contender.topic)) - before < len(bodies) and now != last) or now == before:
        if time.monotonic() > deadline:
            raise SystemExit(f"{contender.name}: {now - before} messages of {len(bodies)} requests reached Kafka")
        last = now
        time.sleep(1)
    if not warm_up:
        contender.seconds.setdefault(size, []).append(cpu_seconds(pid) - began)


def _messages(kafka: Kafka, topic: str) -> int:
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, group_id=None)
    try:
        partitions = [TopicPartition(topic, it) for it in consumer.partitions_for_topic(topic) or ()]
        return sum(consumer.end_offsets(partitions).values()) if partitions else 0
    finally:
        consumer.close()


def _weftline(folder: Path, kafka: Kafka) -> Contender:
    port = free_port()
    environment: Mapping[str, str] = {
        "WEFTLINE_EDGE_HTTP_PORT": str(port),
        "WEFTLINE_EDGE_GRPC_PORT": str(free_port()),
        "WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
    }
    process = Process(
        "weftline edge",
        [sys.executable, "-m", "weftline.collector", "edge"],
        log=folder / "edge.log",
        ready=lambda: http_get(port, "/health")[0] == 200,
        env=environment,
    )
    return Contender("weftline edge", process, port, Signal.SPANS.value)


def _rotel(folder: Path, kafka: Kafka, binary: Path) -> Contender:
    port = free_port()
    process = Process(
        "rotel",
        [
            str(binary), "start",
            "--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}",
            "--exporter", "kafka", "--kafka-exporter-brokers", kafka.bootstrap_servers, "--kafka-exporter-traces-topic", "rotel_spans",
            "--kafka-exporter-acks", "all", "--kafka-exporter-compression", "zstd",
            "--kafka-exporter-max-message-bytes", "15000000",
        ],
        log=folder / "rotel.log",
        ready=lambda: listens(port),
    )  # fmt: skip
    return Contender("rotel", process, port, "rotel_spans")


def _print(contenders: Sequence[Contender]) -> None:
    ours, peer = contenders
    print(f"{'OTLP/HTTP → Kafka':<20}" + "".join(f"{it.name:>28}" for it in contenders) + f"{'ratio':>8}")
    for size in SIZES:
        print(
            f"{size:>5} spans a request"
            + "".join(f"{it.per_cpu_second(size):>12,.0f} spans a CPU s" for it in contenders)
            + f"{ours.per_cpu_second(size) / peer.per_cpu_second(size):>8.1f}"
        )
    print(f"\nCPU of the receiver, {REQUESTS * 200:,} spans a round, medians of {ROUNDS} interleaved rounds.")
    bodies = list(requests(200, 200, seed=1))
    compressing, parsing = _alone(zstd_encode, bodies), _alone(ExportTraceServiceRequest.FromString, bodies)
    print(f"A span compressed, in one go a request: {compressing:.2f} µs; parsed by protobuf: {parsing:.2f} µs.")


def _alone(work: Callable[[bytes], object], bodies: Sequence[bytes]) -> float:
    """CPU µs a span of what no receiver that validates and compresses can do without."""
    began = time.process_time()
    for body in bodies:
        work(body)
    return (time.process_time() - began) / len(bodies) / 200 * 1e6
