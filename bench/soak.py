"""Memory of edge and ingest under a steady load: their resident sizes as they go, and how they grew after the first minute.

`SOAK_SECONDS` (600) long, through Apache Kafka where there is Java, with `SOAK_SPANS` (20,000) spans a second.
"""

import itertools
import os
import re
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from bench.ingest.payload import requests
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.migrate import migrate
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.kafka import Kafka
from weftline.deploy.local.ports import free_port, http_get
from weftline.deploy.local.process import Process

SPANS = 200
WARM_SECONDS = 60


def main() -> None:
    """Print a line every ten seconds and the growth at the end."""
    seconds, rate = int(os.environ.get("SOAK_SECONDS", "600")), int(os.environ.get("SOAK_SPANS", "20000"))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clickhouse = stack.enter_context(ClickHouse(folder / "clickhouse", tcp_port=free_port(), http_port=free_port()))
        store = ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port)
        migrate(store)
        kafka = stack.enter_context(Kafka(folder / "kafka", port=free_port()))
        environment = {
            "WEFTLINE_CLICKHOUSE_HTTP_PORT": str(clickhouse.http_port),
            "WEFTLINE_CLICKHOUSE_TCP_PORT": str(clickhouse.tcp_port),
            "WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        }
        port, metrics = free_port(), free_port()
        edge = stack.enter_context(
            _process(
                "edge",
                port,
                folder,
                {**environment, "WEFTLINE_EDGE_HTTP_PORT": str(port), "WEFTLINE_EDGE_GRPC_PORT": str(free_port())},
            )
        )
        ingest = stack.enter_context(
            _process("ingest", metrics, folder, {**environment, "WEFTLINE_INGEST_METRICS_PORT": str(metrics)})
        )
        sizes = _load(port, {"edge": edge, "ingest": ingest}, store, seconds, rate)
    for name, them in sizes.items():
        warm = [size for at, size in them if at >= min(WARM_SECONDS, seconds / 2)]
        half = len(warm) // 2
        first, last = statistics.median(warm[:half] or warm), statistics.median(warm[half:])
        print(f"{name}: {first:.0f} MB in the first half, {last:.0f} MB in the second: {last - first:+.0f} MB")


def _process(role: str, port: int, folder: Path, environment: Mapping[str, str]) -> Process:
    return Process(
        f"weftline {role}",
        [sys.executable, "-m", "weftline.collector", role],
        log=folder / f"{role}.log",
        ready=lambda: http_get(port, "/health")[0] == 200,
        env=environment,
    )


def _load(
    port: int, processes: Mapping[str, Process], store: ClickHouseSettings, seconds: int, rate: int
) -> dict[str, list[tuple[float, float]]]:
    """Name -> (second, MB)."""
    sizes: dict[str, list[tuple[float, float]]] = {name: [] for name in processes}
    bodies = itertools.chain.from_iterable(requests(500, SPANS, seed) for seed in itertools.count())
    began, sent, shown = time.monotonic(), 0, 0.0
    while (now := time.monotonic() - began) < seconds:
        if sent < rate * now:
            asked = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/traces", next(bodies), {"Content-Type": "application/x-protobuf"}
            )
            try:
                with urllib.request.urlopen(asked, timeout=60):
                    sent += SPANS
            except urllib.error.HTTPError as error:  # told to come back
                error.close()
                time.sleep(0.2)
        else:
            time.sleep(0.01)
        if now - shown >= 10:
            shown = now
            for name, process in processes.items():
                sizes[name].append((now, _resident(process)))
            with connect(store) as client:
                [(stored,)] = client.execute("SELECT count() FROM spans")
            print(
                f"{now:4.0f} s  "
                + "  ".join(f"{name} {them[-1][1]:.0f} MB" for name, them in sizes.items())
                + f"  {sent:,} sent {stored:,} stored",
                flush=True,
            )
    return sizes


def _resident(process: Process) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
