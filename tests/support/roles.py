"""The collector's processes, run for real as child processes."""

import sys
import time
import urllib.request
from pathlib import Path

from weftline.collector.settings import ClickHouseSettings
from weftline.deploy.local.ports import free_port, http_get
from weftline.deploy.local.process import Process


def environment(store: ClickHouseSettings, **more: object) -> dict[str, str]:
    return {
        "WEFTLINE_CLICKHOUSE_HTTP_PORT": str(store.http_port),
        "WEFTLINE_CLICKHOUSE_TCP_PORT": str(store.tcp_port),
        "WEFTLINE_CLICKHOUSE_DATABASE": store.database,
        **{name: str(value) for name, value in more.items()},
    }


class Edge(Process):
    """`weftline edge` on free ports."""

    def __init__(self, folder: Path, store: ClickHouseSettings, **more: object) -> None:
        self.http_port, self.grpc_port = free_port(), free_port()
        super().__init__(
            "edge",
            [sys.executable, "-m", "weftline.collector", "edge"],
            log=folder / "edge.log",
            ready=lambda: http_get(self.http_port, "/health")[0] == 200,
            env=environment(
                store, WEFTLINE_EDGE_HTTP_PORT=self.http_port, WEFTLINE_EDGE_GRPC_PORT=self.grpc_port, **more
            ),
        )

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.http_port}{path}"


class Ingest(Process):
    """`weftline ingest` on a free metrics port."""

    def __init__(self, folder: Path, store: ClickHouseSettings, **more: object) -> None:
        self.metrics_port = free_port()
        super().__init__(
            "ingest",
            [sys.executable, "-m", "weftline.collector", "ingest"],
            log=folder / f"ingest-{self.metrics_port}.log",
            ready=lambda: http_get(self.metrics_port, "/health")[0] == 200,
            env=environment(store, WEFTLINE_INGEST_METRICS_PORT=self.metrics_port, **more),
        )


def metrics(port: int) -> dict[str, float]:
    """/metrics of a process: `name{labels}` to value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {key: float(value) for key, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def eventually(what, seconds: float = 30.0):
    """The first true result of ``what()``; fails with its last result when ``seconds`` pass."""
    deadline = time.monotonic() + seconds
    while not (result := what()):
        assert time.monotonic() < deadline, f"still {result!r} after {seconds} s"
        time.sleep(0.05)
    return result
