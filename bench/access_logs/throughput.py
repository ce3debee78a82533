"""Records stored per CPU second, receiver and ClickHouse added, by way; interleaved rounds of the same requests."""

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.access_logs.load import send
from bench.access_logs.proxy import WAYS, envoy
from bench.cpu import cpu_seconds
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.migrate import migrate
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import free_port, http_get
from weftline.deploy.local.process import Process

ROUNDS, REQUESTS, WARM_UP = 3, 15_000, 4_000


@dataclass(slots=True)
class Way:
    name: str
    port: int
    envoy: Envoy
    edge: list[float] = field(default_factory=list)
    tail: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)


def weftline_edge(
    folder: Path, clickhouse: ClickHouse, http_port: int, grpc_port: int, *, linger: float = 0.1
) -> Process:
    return Process(
        "edge",
        [sys.executable, "-m", "weftline.collector", "edge"],
        log=folder / "edge.log",
        ready=lambda: http_get(http_port, "/health")[0] == 200,
        env={
            "WEFTLINE_EDGE_HTTP_PORT": str(http_port),
            "WEFTLINE_EDGE_GRPC_PORT": str(grpc_port),
            "WEFTLINE_EDGE_DIRECT_LINGER": str(linger),
            "WEFTLINE_CLICKHOUSE_HTTP_PORT": str(clickhouse.http_port),
            "WEFTLINE_CLICKHOUSE_TCP_PORT": str(clickhouse.tcp_port),
        },
    )


def weftline_tail(folder: Path, http_port: int) -> Process:
    return Process(
        "tail",
        [
            sys.executable, "-m", "weftline.collector", "collect", "logs", "--file", str(folder / "access.log"),
            "--endpoint", f"http://127.0.0.1:{http_port}", "--position-file", str(folder / "positions.json"),
            "--refused-file", str(folder / "refused.jsonl"),
        ],
        log=folder / "tail.log",
        ready=lambda: True,
    )  # fmt: skip


def stored(settings: ClickHouseSettings, way: str) -> int:
    """Records of a way, each counted once."""
    with connect(settings) as client:
        count: int = client.execute(
            "SELECT uniqExact(record_id) FROM access_logs WHERE resource['log_name'] = %(way)s", {"way": way}
        )[0][0]
    return count


def rows(settings: ClickHouseSettings) -> int:
    """All there are; costs ClickHouse nothing."""
    with connect(settings) as client:
        count: int = client.execute("SELECT count() FROM access_logs")[0][0]
    return count


def main() -> None:
    """Run and print the table."""
    http_port, grpc_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as name, ClickHouse(Path(name) / "clickhouse") as clickhouse:
        folder = Path(name)
        settings = ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port)
        migrate(settings)
        with (
            weftline_edge(folder, clickhouse, http_port, grpc_port, linger=1.0) as edge,
            weftline_tail(folder, http_port) as tail,
        ):
            ways = []
            for way in WAYS:
                port = free_port()
                own = folder / way
                made = envoy(
                    folder if way == "file" else own, [way], edge_http=http_port, edge_grpc=grpc_port, port=port
                )
                ways.append(Way(way, port, made))
            for way in ways:
                way.envoy.start()
            for way in ways:
                way.envoy.wait_ready()
            try:
                for number in range(ROUNDS + 1):
                    for way in ways if number % 2 else reversed(ways):
                        _round(way, settings, edge, tail, clickhouse, warm_up=number == 0)
            finally:
                for way in ways:
                    way.envoy.stop()
    _print(ways)


def _round(
    way: Way, settings: ClickHouseSettings, edge: Process, tail: Process, clickhouse: ClickHouse, *, warm_up: bool
) -> None:
    requests = WARM_UP if warm_up else REQUESTS
    with connect(settings) as client:
        client.execute("SYSTEM STOP MERGES")  # or a round pays for those of the round before
        before = rows(settings)
        pids = [process.pid or 0 for process in (edge, tail, clickhouse)]
        began = [cpu_seconds(pid) for pid in pids]
        send(way.port, requests)
        deadline = time.monotonic() + 120
        while (count := rows(settings) - before) < requests:
            if time.monotonic() > deadline:
                raise SystemExit(f"{way.name} stored {count} of {requests} records")
            time.sleep(0.5)
        used = [cpu_seconds(pid) - start for pid, start in zip(pids, began, strict=True)]
        client.execute("SYSTEM START MERGES")
    if not warm_up:
        for into, seconds in zip((way.edge, way.tail, way.server), used, strict=True):
            into.append(seconds)


def _print(ways: list[Way]) -> None:
    print(f"{ROUNDS} interleaved rounds of {REQUESTS} requests, medians; CPU per record")
    print(f"{'access logs → ClickHouse':<26}{'edge':>10}{'file tail':>12}{'ClickHouse':>13}{'records per CPU s':>20}")
    for way in ways:
        edge, tail, server = (statistics.median(it) / REQUESTS * 1e6 for it in (way.edge, way.tail, way.server))
        each = statistics.median(map(sum, zip(way.edge, way.tail, way.server, strict=True)))
        print(f"{way.name:<26}{edge:>7.1f} µs{tail:>9.1f} µs{server:>10.1f} µs{REQUESTS / each:>20,.0f}")
