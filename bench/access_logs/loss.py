"""The collector is stopped for 30 s under load: what each way lost, by our count and by Envoy's own."""

import tempfile
import threading
import time
from pathlib import Path

from bench.access_logs.load import send_until
from bench.access_logs.proxy import WAYS, envoy
from bench.access_logs.throughput import stored, weftline_edge, weftline_tail
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.migrate import migrate
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import free_port, http_get

BEFORE, AWAY, AFTER, RATE = 6, 30, 10, 500
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
            enough = threading.Event()
            load = threading.Thread(target=send_until, args=(enough, port), kwargs={"rate": RATE})
            load.start()
            time.sleep(BEFORE)
            left = time.monotonic()
            edge.stop()
            time.sleep(AWAY)
            edge.start()
            edge.wait_ready()
            away = time.monotonic() - left
            time.sleep(AFTER)
            enough.set()
            load.join()
            requests = stats(proxy, "http.edge.downstream_rq_completed", exact=True)
            _settle(settings, requests)
            _print(settings, proxy, requests, away)
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


def _settle(settings: ClickHouseSettings, requests: int) -> None:
    """Wait until the file's records are all there and of the other ways nothing more comes, or nothing for half a minute."""
    last, since = [0], time.monotonic()
    while True:
        now = [stored(settings, way) for way in WAYS]
        if now == last and (now[-1] == requests or time.monotonic() - since > 30):
            return
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(3)


def _print(settings: ClickHouseSettings, proxy: Envoy, requests: int, away: float) -> None:
    """Lost is what was finished and isn't there. What Envoy says is put beside it, for it says something else.

    OTLP: a request that got no answer in 5 s is counted as dropped, also when the collector stored it;
    over HTTP those under way when a connection breaks are in neither of Envoy's counters, `logs_written` and `logs_dropped`.
    ALS: an entry counts as sent when it is written to a stream; what the stream's buffers held is gone and nobody says so.
    """
    print(
        f"\nThe collector there for {BEFORE} s, away for {AWAY} ({away:.0f} with its end and start), there for {AFTER}, "
        f"{RATE} requests/s: {requests} finished"
    )
    print(f"{'way':<12}{'stored':>10}{'lost':>10}{'of all':>9}{'Envoy says lost':>18}{'off by':>9}")
    said = {
        "otlp_http": stats(proxy, "open_telemetry_access_log", "otlp_http", "logs_dropped"),
        "otlp_grpc": stats(proxy, "open_telemetry_access_log", "otlp_grpc", "logs_dropped"),
        "envoy_als": stats(proxy, "grpc_access_log", "logs_dropped"),
        "file": stats(proxy, "filesystem.write_failed"),
    }
    for way in WAYS:
        count = stored(settings, way)
        lost = requests - count
        print(f"{way:<12}{count:>10}{lost:>10}{lost / requests:>9.1%}{said[way]:>18}{said[way] - lost:>+9}")
    _, body = http_get(proxy.admin_port, "/stats?filter=access_log")
    print("\nEnvoy's counters:", *sorted(body.decode().splitlines()), sep="\n  ")
