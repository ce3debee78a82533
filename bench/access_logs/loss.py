"""The collector is stopped for 30 s under load: what each way lost, by our count and by Envoy's own."""

import tempfile
import threading
import time
from pathlib import Path

from bench.access_logs.load import send
from bench.access_logs.proxy import WAYS, envoy
from bench.access_logs.throughput import stored, weftline_edge, weftline_tail
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.migrate import migrate
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import free_port, http_get

BEFORE, AWAY, AFTER, RATE = 8, 30, 12, 500
"""Seconds, and requests a second."""


def main() -> None:
    """Run and print the table."""
    http_port, grpc_port, port = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory() as name, ClickHouse(Path(name) / "clickhouse") as clickhouse:
        folder = Path(name)
        settings = ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port)
        migrate(settings)
        with (
            envoy(folder, WAYS, edge_http=http_port, edge_grpc=grpc_port, port=port) as proxy,
            weftline_tail(folder, http_port),
        ):
            edge = weftline_edge(folder, clickhouse, http_port, grpc_port)
            edge.start()
            edge.wait_ready()
            load = threading.Thread(target=send, args=(port, RATE * (BEFORE + AWAY + AFTER)), kwargs={"rate": RATE})
            load.start()
            time.sleep(BEFORE)
            edge.stop()
            time.sleep(AWAY)
            edge.start()
            edge.wait_ready()
            load.join()
            _settle(settings)
            _print(settings, proxy, stats(proxy, "http.edge.downstream_rq_completed", exact=True))
            _, body = http_get(http_port, "/metrics")
            dropped = [line for line in body.decode().splitlines() if 'outcome="dropped"' in line]
            print("Dropped by the edge since it is back:", *(dropped or ["nothing"]))
            edge.stop()


def stats(proxy: Envoy, *names: str, exact: bool = False) -> int:
    """The sum of Envoy's counters whose names contain all of ``names``, or are the one."""
    _, body = http_get(proxy.admin_port, "/stats")
    lines = (line.partition(": ") for line in body.decode().splitlines())
    return sum(
        int(value)
        for name, _, value in lines
        if value.isdigit() and (name in names if exact else all(it in name for it in names))
    )


def _settle(settings: ClickHouseSettings) -> None:
    """Wait until nothing more comes."""
    last, counts = 0, [0]
    while last != (last := sum(counts)) or not last:
        time.sleep(5)
        counts = [stored(settings, way) for way in WAYS]


def _print(settings: ClickHouseSettings, proxy: Envoy, requests: int) -> None:
    print(f"\nThe collector away for {AWAY} of {BEFORE + AWAY + AFTER} s at {RATE} requests/s: {requests} requests")
    print(f"{'way':<12}{'stored':>10}{'lost':>10}{'lost, as Envoy counts':>24}")
    said = {
        "otlp_http": stats(proxy, "open_telemetry_access_log", "otlp_http", "logs_dropped"),
        "otlp_grpc": stats(proxy, "open_telemetry_access_log", "otlp_grpc", "logs_dropped"),
        "envoy_als": stats(proxy, "grpc_access_log", "logs_dropped"),
        "file": stats(proxy, "filesystem.write_failed"),
    }
    for way in WAYS:
        count = stored(settings, way)
        print(f"{way:<12}{count:>10}{requests - count:>10}{said[way]:>24}")
    _, body = http_get(proxy.admin_port, "/stats?filter=access_log")
    print("\nEnvoy's counters:", *sorted(body.decode().splitlines()), sep="\n  ")
