"""Interleaved rounds of the same requests to our edge and to rotel; both write the same ClickHouse."""

import http.client
import importlib.util
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from bench.cpu import cpu_seconds
from bench.ingest.payload import requests
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.migrate import migrate
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.ports import free_port, http_get, listens
from weftline.deploy.local.process import Process

ROUNDS, REQUESTS, SPANS, SENDERS = 5, 1_000, 200, 250


@dataclass(slots=True)
class Contender:
    name: str
    process: Process
    port: int
    database: str
    count: str
    receiver: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)

    @property
    def per_cpu_second(self) -> float:
        """Median over rounds of spans stored per CPU second, receiver and ClickHouse added."""
        spans = REQUESTS * SPANS
        return statistics.median(spans / (r + s) for r, s in zip(self.receiver, self.server, strict=True))


def main() -> None:
    """Run and print the table."""
    spec = importlib.util.find_spec("rotel")
    if spec is None or spec.origin is None:
        sys.exit("The peer is missing: pip install -e '.[bench]'")
    rotel = Path(spec.origin).parent / "rotel-agent"
    bodies = list(requests(REQUESTS, SPANS, seed=1))
    size = sum(map(len, bodies)) / REQUESTS / SPANS
    print(f"{ROUNDS} rounds of {REQUESTS} requests of {SPANS} spans, {size:.0f} bytes a span, {SENDERS} senders")
    with tempfile.TemporaryDirectory() as folder, ClickHouse(Path(folder) / "clickhouse") as clickhouse:
        contenders = [_weftline(Path(folder), clickhouse), _rotel(Path(folder), clickhouse, rotel)]
        try:
            for contender in contenders:
                contender.process.start()
                contender.process.wait_ready()
            for number in range(ROUNDS + 1):
                # Other bytes each round: the same ones would be known as sent again, and not stored.
                bodies = list(requests(REQUESTS, SPANS, seed=number + 1))
                for contender in contenders if number % 2 else reversed(contenders):
                    _round(contender, clickhouse, bodies, warm_up=number == 0)
        finally:
            for contender in contenders:
                contender.process.stop()
    _print(contenders)


def _round(contender: Contender, clickhouse: ClickHouse, bodies: Sequence[bytes], *, warm_up: bool) -> None:
    settings = ClickHouseSettings(
        http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port, database=contender.database
    )
    with connect(settings) as client:
        client.execute("SYSTEM STOP MERGES")
        before = client.execute(contender.count)[0][0]
        pids = contender.process.pid, clickhouse.pid
        assert None not in pids
        start = [cpu_seconds(pid) for pid in pids if pid]
        _send(contender.port, bodies)
        deadline = time.monotonic() + 120
        while (stored := client.execute(contender.count)[0][0] - before) < REQUESTS * SPANS:
            if time.monotonic() > deadline:
                raise SystemExit(f"{contender.name} stored {stored} of {REQUESTS * SPANS} spans")
            time.sleep(0.2)
        if not warm_up:
            receiver, server = (cpu_seconds(pid) - began for pid, began in zip(filter(None, pids), start, strict=True))
            contender.receiver.append(receiver)
            contender.server.append(server)
        client.execute("SYSTEM START MERGES")


def _send(port: int, bodies: Sequence[bytes]) -> None:
    remaining = iter(bodies)
    lock = threading.Lock()
    failures: list[str] = []

    def sender() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while True:
            with lock:
                body = next(remaining, None)
            if body is None:
                break
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 300:
                failures.append(f"{answer.status} {text[:200]!r}")
                break
        connection.close()

    threads = [threading.Thread(target=sender) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"Not accepted: {failures[0]}")


def _weftline(folder: Path, clickhouse: ClickHouse) -> Contender:
    port = free_port()
    migrate(ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port))
    process = Process(
        "weftline edge",
        [sys.executable, "-m", "weftline.collector", "edge"],
        log=folder / "edge.log",
        ready=lambda: http_get(port, "/health")[0] == 200,
        env={
            "WEFTLINE_EDGE_HTTP_PORT": str(port),
            "WEFTLINE_EDGE_GRPC_PORT": str(free_port()),
            "WEFTLINE_EDGE_DIRECT_LINGER": "0.2",
            "WEFTLINE_CLICKHOUSE_HTTP_PORT": str(clickhouse.http_port),
        },
    )
    return Contender("weftline edge, direct", process, port, "weftline", "SELECT count() FROM spans")


def _rotel(folder: Path, clickhouse: ClickHouse, binary: Path) -> Contender:
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
            "--batch-max-size", "50000", "--batch-timeout", "200ms",
        ],
        log=folder / "rotel.log",
        ready=lambda: listens(port),
    )  # fmt: skip
    return Contender("rotel", process, port, "peer", "SELECT count() FROM otel_traces")


def _print(contenders: Sequence[Contender]) -> None:
    ours, peer = contenders
    print(f"\n{'OTLP/HTTP → ClickHouse':<24}{'receiver':>14}{'ClickHouse':>14}{'spans per CPU s':>18}")
    for it in contenders:
        spans = REQUESTS * SPANS / 1e6
        receiver, server = statistics.median(it.receiver) / spans, statistics.median(it.server) / spans
        print(f"{it.name:<24}{receiver:>11.2f} µs{server:>11.2f} µs{it.per_cpu_second:>18,.0f}")
    print(f"\nratio {ours.per_cpu_second / peer.per_cpu_second:.1f} (medians of {ROUNDS} interleaved rounds)")
