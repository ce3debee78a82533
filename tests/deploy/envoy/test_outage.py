"""The collector is away while requests come: what each way of the access log has lost, as `weftline mesh` counts it.

A proxy for each way, as `weftline envoy config` describes it, and a real file tail for the one that logs to a file.
"""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from support.roles import Edge, eventually
from weftline.collector.scrape.targets import Targets
from weftline.collector.scrape.worker import Worker
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_proxy_stats import ClickHouseProxyStats
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.deploy.envoy.command import envoy
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port
from weftline.query.mesh.health import ProxyHealth
from weftline.query.routes.mesh import measure

pytestmark = [pytest.mark.envoy, pytest.mark.clickhouse]

BEFORE, AWAY, AFTER = 20, 50, 30
"""Requests to each proxy."""
SETTLE = 2.0
"""Seconds: twice the longest flush interval of an access logger, and the edge's linger."""


@dataclass(slots=True)
class Logging:
    """A proxy that reaches nobody: it answers 503, and logs the request and its attempt."""

    service: str
    port: int
    admin: int
    sent: int = 0

    def ask(self, times: int) -> None:
        for _ in range(times):
            connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
            connection.request("GET", "/")
            assert connection.getresponse().status == 503
            connection.close()
        self.sent += times


@contextmanager
def logging(folder: Path, service: str, collector: int, protocol: str, access_log: str) -> Iterator[Logging]:
    port, admin = free_port(), free_port()
    printed = CliRunner().invoke(
        envoy,
        ["config", "--role", "edge", "--service", service, "--collector", f"{HOST}:{collector}", "--protocol", protocol,
         "--sampling", "0", "--access-log", access_log, "--listen", f"{HOST}:{port}", "--upstream", f"{HOST}:{free_port()}"],
    )  # fmt: skip
    assert printed.exit_code == 0, printed.output
    bootstrap = yaml.safe_load(printed.stdout)
    bootstrap["admin"]["address"]["socket_address"]["port_value"] = admin
    with Envoy(service, folder, bootstrap):
        yield Logging(service, port, admin)


@contextmanager
def tailing(folder: Path, edge: Edge, log: Path) -> Iterator[None]:
    command = [
        sys.executable,
        "-m",
        "weftline.collector",
        "collect",
        "logs",
        "--file",
        str(log),
        "--endpoint",
        edge.url(""),
    ]
    with (
        (folder / "tail.log").open("wb") as output,
        subprocess.Popen([*command, "--position-file", str(folder / "positions.json")], stderr=output) as tail,
    ):
        try:
            yield
        finally:
            tail.terminate()


def test_what_each_way_lost_is_counted_and_a_file_loses_nothing(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader
) -> None:
    began, log = time.time_ns(), tmp_path / "access.log"
    edge = Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.05)
    with ExitStack() as stack:
        stack.enter_context(edge)
        ways = {
            "otlp-http": (edge.http_port, "http", "otlp"),
            "otlp-grpc": (edge.grpc_port, "grpc", "otlp"),
            "als": (edge.grpc_port, "grpc", "als"),
            "file": (edge.http_port, "http", f"file={log}"),
        }
        proxies = [stack.enter_context(logging(tmp_path, name, *how)) for name, how in ways.items()]
        stack.enter_context(tailing(tmp_path, edge, log))
        targets = Targets(tuple(f"{HOST}:{it.admin}" for it in proxies), "")
        worker = Worker(targets, ClickHouseProxyStats(store), timeout=5)

        def health() -> dict[str, ProxyHealth]:
            """As of now, by service."""
            assert worker.look() == len(proxies)
            return {it.service: it for it in measure(reader, began - 10**9, time.time_ns() + 10**9)}

        health()
        time.sleep(1.1)  # so that seconds tell the window's ends apart
        for proxy in proxies:
            proxy.ask(BEFORE)
        eventually(lambda: {it.service: it.lost for it in health().values()} == dict.fromkeys(ways, 0))

        edge.stop()
        for proxy in proxies:
            proxy.ask(AWAY)
        time.sleep(SETTLE)
        edge.start()
        edge.wait_ready()
        away = {it.service: it.sent for it in proxies}
        for proxy in proxies:
            before = health()[proxy.service].recorded

            def back(proxy: Logging = proxy, before: int = before) -> bool:
                proxy.ask(1)
                time.sleep(0.5)
                return health()[proxy.service].recorded > before

            eventually(back)
            proxy.ask(AFTER)
        # Between those until the first that was recorded again, nobody knows how many arrived.
        most = {it.service: AWAY + it.sent - away[it.service] - AFTER - 1 for it in proxies}
        most["file"] = 0

        def settled() -> dict[str, ProxyHealth] | None:
            now = health()
            counted = {name: it.finished for name, it in now.items()} == {it.service: it.sent for it in proxies}
            return now if counted and all(it.lost <= most[name] for name, it in now.items()) else None

        found = eventually(settled)
        lost = {name: it.lost for name, it in found.items()}
    assert lost.pop("file") == 0
    assert min(lost.values()) >= AWAY
    # What Envoy itself says, of requests and attempts: OTLP's loggers own up to it, ALS counts as sent what nobody got.
    said = {name: it.dropped for name, it in found.items()}
    assert said["file"] == said["als"] == 0
    assert min(said["otlp-http"], said["otlp-grpc"]) >= 2 * AWAY
