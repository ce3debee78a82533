"""The whole way on real parts: an Envoy that refuses, ejects and loses records; its stats scraped into ClickHouse; the API."""

import concurrent.futures
import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from support.otlp import access_log, logs_request
from support.server import serve
from weftline.collector.errors import TryLater
from weftline.collector.scrape.targets import Targets
from weftline.collector.scrape.worker import Worker
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_proxy_stats import ClickHouseProxyStats
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.mesh import EventFilter
from weftline.collector.store.protocol import Signal
from weftline.collector.store.proxy_stats import ProxyStatRow
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Role, Route
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port
from weftline.query.app import create_app
from weftline.query.routes.mesh import measure, proxy_view
from weftline.query.settings import QuerySettings

pytestmark = [pytest.mark.envoy, pytest.mark.clickhouse]

REQUESTS = 40


class Slow(BaseHTTPRequestHandler):
    """Answers /fails with 500, everything else late."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        fails = self.path.startswith("/fails")
        time.sleep(0 if fails else 0.2)
        self.send_response(500 if fails else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def upstream() -> Iterator[int]:
    server = ThreadingHTTPServer((HOST, 0), Slow)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextmanager
def envoy(folder: Path, app: int) -> Iterator[tuple[int, int]]:
    """(port, admin port) of an Envoy with one connection to its upstream, one request waiting, and outlier detection."""
    port, admin = free_port(), free_port()
    proxy = Proxy(
        service="edge",
        node_id="edge-1",
        admin=Address(HOST, admin),
        collector=Collector(Address(HOST, 1)),
        listeners=(Listener(Role.EDGE, Address(HOST, port), (Route("all", "/", "app"),)),),
        clusters=(Cluster("app", (Address(HOST, app),)),),
    )
    config = bootstrap(proxy)
    config["static_resources"]["clusters"][0] |= {
        "circuit_breakers": {"thresholds": [{"max_connections": 1, "max_pending_requests": 1}]},
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "outlier_detection": {"consecutive_5xx": 3, "interval": "0.1s", "max_ejection_percent": 100},
    }
    with Envoy("edge", folder, config, concurrency=2):
        yield port, admin


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection(HOST, port, timeout=20)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def record(writer: ClickHouseWriter, number: int) -> None:
    """As many access logs as arrived: the Envoy of this test sends its own to nobody."""
    records = [access_log("ab" * 16, f"{n:016x}", time=time.time_ns(), method="GET") for n in range(1, number + 1)]
    message = logs_request(*records, service="edge", node_name="edge-1")
    writer.insert(Signal.LOGS, [message], str(number))


def scraped(store: ClickHouseSettings, admin: int) -> Worker:
    return Worker(Targets((f"{HOST}:{admin}",), ""), ClickHouseProxyStats(store), timeout=5)


def test_what_a_proxy_lost_refused_and_ejected(
    tmp_path: Path, store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    began = time.time_ns()
    with upstream() as app, envoy(tmp_path, app) as (port, admin):
        worker = scraped(store, admin)
        assert worker.look() == 1
        time.sleep(1.1)  # so that seconds tell the window's ends apart
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            statuses = list(pool.map(lambda _: get(port, "/"), range(REQUESTS)))
        assert statuses.count(503) > 10
        record(writer, REQUESTS - 7)
        refused = statuses.count(503)
        for _ in range(3):
            assert get(port, "/fails") == 500
        time.sleep(1.1)
        assert worker.look() == 1
        # A process of ours that begins anew goes on where the one before stopped.
        assert scraped(store, admin).look() == 1
        assert [get(port, "/") for _ in range(2)] == [503, 503]
        time.sleep(1.1)
        assert scraped(store, admin).look() == 1
        [proxy] = measure(reader, began - 10**9, time.time_ns() + 10**9)

        assert (proxy.node_id, proxy.service, proxy.target, proxy.looks) == ("edge-1", "edge", f"{HOST}:{admin}", 4)
        assert (proxy.finished, proxy.recorded, proxy.lost) == (REQUESTS + 5, REQUESTS - 7, 12)
        [app_health] = [it for it in proxy.clusters if it.name == "app"]
        assert app_health.pending_overflow == refused
        assert (app_health.ejections, app_health.ejected, app_health.hosts, app_health.healthy_hosts) == (1, 1, 1, 0)
        assert app_health.requests == REQUESTS - refused + 3
        [listener] = proxy.listeners
        assert sum(listener.connections.values()) == REQUESTS + 5
        assert set(listener.connections) == {"0", "1"}
        assert proxy_view(proxy).lost == 12

        [ejection] = reader.events(EventFilter(began, time.time_ns() + 10**10, ("outlier_ejection",)), 10)
        assert (ejection.upstream_cluster, ejection.service, ejection.node_id) == ("app", "edge", "edge-1")
        assert (ejection.transaction_id, ejection.count) == ("", 1)


def test_the_commands_print_it(
    tmp_path: Path, store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    environ = {
        **os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8",
        "WEFTLINE_CLICKHOUSE_TCP_PORT": str(store.tcp_port), "WEFTLINE_CLICKHOUSE_DATABASE": store.database,
    }  # fmt: skip

    def weftline(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from weftline.query.cli import main; main()", "mesh", *arguments],
            env=environ, capture_output=True, encoding="utf-8", timeout=60, check=False,
        )  # fmt: skip

    # The service leaves out what is too young for access logs to have arrived: its clock is ahead here.
    def ahead() -> int:
        return time.time_ns() + 20 * 10**9

    from fastapi import FastAPI

    from weftline.query.routes import mesh

    app_ahead = FastAPI()
    app_ahead.include_router(mesh.router(reader, ahead))
    with upstream() as app, envoy(tmp_path, app) as (port, admin), serve(app_ahead) as url:
        assert weftline("--url", url).stderr.startswith("No proxy was looked at since 15m.")
        for _ in range(2):
            ran = weftline("scrape", "--target", f"{HOST}:{admin}", "--once")
            assert (ran.returncode, ran.stdout) == (0, "1 proxies answered.\n"), ran.stderr
            with concurrent.futures.ThreadPoolExecutor(10) as pool:
                list(pool.map(lambda _: get(port, "/"), range(REQUESTS)))
        shown = weftline("--url", url)
        assert shown.returncode == 0, shown.stderr
        lines = shown.stdout.splitlines()
        assert lines[1].split() == ["edge-1", "edge", "40", "0", "40"]
        assert "refused (pending)" in shown.stdout
        assert max(map(cell_len, lines)) <= 80
        assert '"pending_overflow"' in weftline("--url", url, "--json").stdout
        assert "waited for a connection" in weftline("--url", url, "-v").stdout.replace("\n    ", " ")
        nobody = weftline("scrape", "--target", f"{HOST}:1", "--once")
        assert (nobody.returncode, nobody.stdout) == (1, "0 proxies answered.\n")
        assert f"A proxy can't be looked at target={HOST}:1" in nobody.stderr
    assert weftline("scrape").returncode == 2


class Store:
    """A fake that is away when told so: what the real one owes is tested above."""

    def __init__(self) -> None:
        self.away = True
        self.inserted: list[tuple[list[ProxyStatRow], str]] = []

    def insert(self, rows: Any, token: str) -> None:
        if self.away:
            raise TryLater("away")
        self.inserted.append((list(rows), token))

    def latest(self, since: int) -> list[ProxyStatRow]:
        if self.away:
            raise TryLater("away")
        return []

    def check(self) -> None: ...


def test_while_the_store_is_away_looks_are_kept(tmp_path: Path) -> None:
    fake = Store()
    with upstream() as app, envoy(tmp_path, app) as (port, admin):
        worker = Worker(Targets((f"{HOST}:{admin}",), ""), fake, timeout=5)
        assert worker.look() == 0, "without the looks before, a restart would leave a gap"
        fake.away = False
        assert worker.look() == 1
        fake.away = True
        get(port, "/")
        assert worker.look() == 1
        assert worker.look() == 1
        fake.away = False
        assert worker.look() == 1
    assert len(fake.inserted) == 4
    assert len({token for _, token in fake.inserted}) == 4
    finished = sum(
        row.increase for rows, _ in fake.inserted for row in rows if row.stat == "http_downstream_rq_finished"
    )
    assert finished == 1


def test_the_api_answers_without_proxies(reader: ClickHouseReader) -> None:
    from support.asgi import call
    from support.rows import RowsSearcher

    app = create_app(reader, RowsSearcher(), QuerySettings())
    assert call(app, "/api/v1/mesh").json()["proxies"] == []
    assert call(app, "/api/v1/mesh?since=8d").status_code == 400
    assert call(app, "/api/v1/mesh?since=x").status_code == 400
