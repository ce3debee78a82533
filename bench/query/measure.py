"""How long the query service takes over HTTP, over a store whose size is an option.

A real ClickHouse, filled (`bench.fill`), and `weftline query` as a process of its own. Ids are spread over the whole store.
"""

import argparse
import http.client
import os
import random
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench import fill
from bench.cpu import cpu_seconds
from bench.query import limits
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.migrate import migrate
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.ports import free_port, http_get
from weftline.deploy.local.process import Process

DEFAULT_SPANS: Final = 2_000_000
LOOK_UPS, WARM_UP, THREADS, SECONDS = 300, 50, 4, 10.0
LISTS, BIG_TRACES, BIG_SPANS, COLD = 20, 9, 10_000, 20
SEARCHES: Final = {
    "service=…": "service=cart-1",
    "service=… status=error": "service=cart-1 status=error",
    "http.route=…": 'http.route="/api/v1/orders/{id}"',
}
BIG: Final = "b" * 31 + "0"
FILL_BIG: Final = """
INSERT INTO spans (transaction_id, time, duration, span_id, parent_span_id, service, name, kind, status, resource, attributes)
SELECT unhex(%(id)s), fromUnixTimestamp64Nano(toInt64(%(now)s + number * 1000)), (%(spans)s - number) * 2000,
       unhex(leftPad(lower(hex(number + 1)), 16, '0')), unhex(leftPad(lower(hex(if(number = 0, 0, intDiv(number, 3) + 1))), 16, '0')),
       concat('service-', toString(number %% 40)), concat('operation ', toString(number %% 700)), 'server', 'unset',
       map('service.name', concat('service-', toString(number %% 40)), 'host.name', concat('host-', toString(number %% 40))),
       map('http.route', concat('/items/', toString(number)), 'http.request.method', 'GET', 'http.response.status_code', '200')
FROM numbers(%(spans)s)
"""


def main() -> None:
    """Run and print the table."""
    options = argparse.ArgumentParser(prog="python -m bench query", description=__doc__)
    options.add_argument("--spans", type=int, default=DEFAULT_SPANS)
    options.add_argument("--folder", type=Path, help="Keep the store here, and use the one that is here.")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        with ClickHouse(folder / "clickhouse") as clickhouse:
            settings = ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port)
            transactions, ids = _prepare(settings, asked.spans)
            with _service(folder, settings) as (query, port):
                assert query.pid
                assert clickhouse.pid
                _measure(port, [query.pid, clickhouse.pid], ids, transactions)
                _print("transactions/ID, nothing in memory", _cold(port, settings, folder / "clickhouse", ids[:COLD]))
            print("\nClickHouse alone, CPU of it a look-up:")
            for what, ms in limits.measure(settings, clickhouse.pid, ids[:100]).items():
                print(f"{what:<44}{ms:>6.1f} ms")


def _prepare(settings: ClickHouseSettings, spans: int) -> tuple[int, list[str]]:
    migrate(settings)
    now = time.time_ns()
    with connect(settings) as client:
        stored = client.execute("SELECT count() FROM spans")[0][0]
        if not stored:
            begun = time.monotonic()
            fill.fill(client, spans, now=now, tell=print)
            client.execute(FILL_BIG, {"id": BIG, "now": now - 60 * 10**9, "spans": BIG_SPANS})
            print(f"filled in {time.monotonic() - begun:.0f} s")
            _wait_for_merges(client.execute)
            stored = client.execute("SELECT count() FROM spans")[0][0]
        transactions = (stored - BIG_SPANS) // fill.SPANS
        rows, size = client.execute(
            "SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()"
        )[0]
        sizes = client.execute(
            "SELECT table, sum(bytes_on_disk) AS size FROM system.parts WHERE active AND database = currentDatabase() "
            "GROUP BY table ORDER BY size DESC LIMIT 8"
        )
        print(
            f"{stored:,} spans, {transactions:,} transactions of {fill.ROWS} rows, {fill.SERVICES} services; "
            f"{rows:,} rows and {size / 1e9:.2f} GB in all tables, in bytes a span: "
            + ", ".join(f"{table} {of / stored:.1f}" for table, of in sizes)
        )
        pick = random.Random(1)
        numbers = [pick.randrange(transactions) for _ in range(LOOK_UPS + WARM_UP)]
        return transactions, [fill.transaction_id(client, number) for number in numbers]


def _wait_for_merges(execute: Callable[[str], Sequence[tuple[int]]], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while execute("SELECT count() FROM system.merges")[0][0] and time.monotonic() < deadline:
        time.sleep(1)


@contextmanager
def _service(folder: Path, settings: ClickHouseSettings) -> Iterator[tuple[Process, int]]:
    port = free_port()
    process = Process(
        "weftline query",
        [sys.executable, "-m", "weftline.query"],
        log=folder / "query.log",
        ready=lambda: http_get(port, "/health")[0] == 200,
        env={
            "WEFTLINE_QUERY_PORT": str(port),
            "WEFTLINE_QUERY_GRPC_PORT": "0",
            "WEFTLINE_CLICKHOUSE_HTTP_PORT": str(settings.http_port),
            "WEFTLINE_CLICKHOUSE_TCP_PORT": str(settings.tcp_port),
        },
    )
    with process:
        yield process, port


def _measure(port: int, pids: Sequence[int], ids: Sequence[str], transactions: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for one in ids[:WARM_UP]:
        _get(connection, f"/api/v1/transactions/{one}")
    rest = ids[WARM_UP:]
    look_up = [_get(connection, f"/api/v1/transactions/{one}") for one in rest]
    print(f"\n{'':<44}{'p50':>9}{'p95':>9}")
    _print(f"transactions/ID, {fill.ROWS} rows of {transactions * fill.ROWS:,}", look_up)
    _print("traces/ID (Jaeger v1), the same", [_get(connection, f"/api/traces/{one}") for one in rest[:100]])
    _print("trace-summaries of 20", _lists(connection))
    for what, asked in SEARCHES.items():
        _print(f"search {what}, 20 of a quarter hour", _searches(connection, asked))
    big = [_get(connection, f"/api/traces/{BIG}") for _ in range(BIG_TRACES)]
    _print(f"traces/ID (Jaeger v1), {BIG_SPANS:,} spans", big)
    count, wall, cpu = _together(port, pids, rest)
    both = sum(cpu)
    print(
        f"\n{THREADS} clients: {count / wall:.0f} look-ups a second; {count / both:.0f} a CPU second "
        f"({cpu[0] / count * 1e3:.1f} ms in the service, {cpu[1] / count * 1e3:.1f} ms in ClickHouse)"
    )


def _lists(connection: http.client.HTTPConnection) -> list[float]:
    """Lists of 20 traces of a service, in hours spread over the day."""
    now = time.time()
    took = []
    for number in range(LISTS + 2):
        end = now - (number % 22 + 1) * 3600
        parameters = urllib.parse.urlencode(
            {
                "query.serviceName": _service_name(number % 10),
                "query.startTimeMin": _iso(end - 3600),
                "query.startTimeMax": _iso(end),
                "query.searchDepth": 20,
            }
        )
        took.append(_get(connection, f"/api/v3/trace-summaries?{parameters}"))
    return took[2:]


def _searches(connection: http.client.HTTPConnection, asked: str) -> list[float]:
    now = time.time()
    took = []
    for number in range(LISTS + 2):
        end = now - (number % 22 + 1) * 3600
        window = {"q": asked, "since": _iso(end - 900), "until": _iso(end), "limit": 20}
        took.append(_get(connection, f"/api/v1/search?{urllib.parse.urlencode(window)}"))
    return took[2:]


def _cold(port: int, settings: ClickHouseSettings, folder: Path, ids: Sequence[str]) -> list[float]:
    """Look-ups by a service that is warm, each of a store of which nothing is in memory: no mark, no block, no page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    took = []
    with connect(settings) as client:
        for one in ids:
            for cache in ("MARK", "UNCOMPRESSED", "PRIMARY INDEX", "QUERY CONDITION"):
                client.execute(f"SYSTEM DROP {cache} CACHE")
            for path in folder.rglob("*"):
                if path.is_file():
                    with path.open("rb") as file:
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            took.append(_get(connection, f"/api/v1/transactions/{one}"))
    return took


def _service_name(number: int) -> str:
    kinds = ("checkout", "cart", "payment", "stock", "user", "search", "price", "ship", "mail", "review")
    return f"{kinds[number % 10]}-{number}"


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _together(port: int, pids: Sequence[int], ids: Sequence[str]) -> tuple[int, float, list[float]]:
    """Look-ups by several clients at once: how many, in how many seconds, and each process's CPU seconds."""
    counts = [0] * THREADS
    begun, cpu = time.monotonic(), [cpu_seconds(pid) for pid in pids]

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        pick = random.Random(number)
        while time.monotonic() - begun < SECONDS:
            _get(connection, f"/api/v1/transactions/{pick.choice(ids)}")
            counts[number] += 1
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.monotonic() - begun
    return sum(counts), wall, [cpu_seconds(pid) - start for pid, start in zip(pids, cpu, strict=True)]


def _get(connection: http.client.HTTPConnection, path: str) -> float:
    """Seconds until the whole answer is there."""
    begun = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    took = time.perf_counter() - begun
    if answer.status != 200 or len(body) < 100:
        raise SystemExit(f"GET {path}: {answer.status} {body[:300]!r}")
    return took


def _print(what: str, took: Sequence[float]) -> None:
    p95 = statistics.quantiles(took, n=20)[-1]
    print(f"{what:<44}{statistics.median(took) * 1e3:>6.1f} ms{p95 * 1e3:>6.1f} ms")
