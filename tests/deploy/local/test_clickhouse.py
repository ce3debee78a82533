"""ClickHouse as a child process: what is stored survives, what is in use is said, nothing outlives the parent."""

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest
from clickhouse_driver import Client

from support.local import start_clickhouse
from weftline.collector.errors import Misconfigured
from weftline.deploy.local import clickhouse
from weftline.deploy.local.clickhouse import CHDB_CORE, ClickHouse
from weftline.deploy.local.ports import HOST, free_port, listens

pytestmark = pytest.mark.clickhouse


def query(server: ClickHouse, sql: str) -> str:
    with urllib.request.urlopen(f"http://{server.host}:{server.http_port}/", sql.encode(), timeout=10) as answer:
        return str(answer.read().decode().strip())


def make_table(server: ClickHouse) -> None:
    query(server, "CREATE TABLE default.t (a Int64) ENGINE = MergeTree ORDER BY a")


def test_answers_on_both_ports(tmp_path: Path) -> None:
    with start_clickhouse(tmp_path) as server:
        make_table(server)
        query(server, "INSERT INTO default.t VALUES (1), (2)")
        client = Client(server.host, port=server.tcp_port)
        assert client.execute("SELECT sum(a) FROM default.t") == [(3,)]
        client.disconnect()


def test_what_was_written_just_before_a_stop_is_there_after_a_restart(tmp_path: Path) -> None:
    with start_clickhouse(tmp_path) as server:
        make_table(server)
        query(server, "INSERT INTO default.t VALUES (1)")
    with start_clickhouse(tmp_path) as server:
        assert query(server, "SELECT count() FROM default.t") == "1"


def test_what_was_written_just_before_a_kill_is_there_after_a_restart_on_the_same_ports(tmp_path: Path) -> None:
    with start_clickhouse(tmp_path) as server:
        ports = (server.tcp_port, server.http_port)
        make_table(server)
        query(server, "INSERT INTO default.t VALUES (1)")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        assert server.wait(10) == -signal.SIGKILL
        server.start()
        server.wait_ready()
        assert (server.tcp_port, server.http_port) == ports
        assert query(server, "SELECT count() FROM default.t") == "1"


def test_takes_other_ports_when_its_own_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        monkeypatch.setattr(clickhouse, "HTTP_PORT", listener.getsockname()[1])
        monkeypatch.setattr(clickhouse, "TCP_PORT", listener.getsockname()[1])
        with ClickHouse(tmp_path) as server:
            assert listener.getsockname()[1] not in (server.tcp_port, server.http_port)
            assert query(server, "SELECT 1") == "1"


def test_a_port_that_is_asked_for_and_taken_is_named(tmp_path: Path) -> None:
    with start_clickhouse(tmp_path / "one") as server:
        for ports in ({"http_port": server.http_port}, {"tcp_port": server.tcp_port}):
            (port,) = ports.values()
            with pytest.raises(Misconfigured, match=f"ClickHouse can't listen on 127.0.0.1:{port}: the port is in use"):
                ClickHouse(tmp_path / "two", **ports).start()
        with ClickHouse(tmp_path / "two", tcp_port=free_port(), http_port=free_port()):
            pass  # the refusals left the folder free


def test_a_folder_in_use_is_named_with_the_pid(tmp_path: Path) -> None:
    with (
        start_clickhouse(tmp_path) as server,
        pytest.raises(Misconfigured, match=rf"data folder {tmp_path}: it is in use .*pid {os.getpid()}\)"),
    ):
        ClickHouse(tmp_path).start()
    assert not server.running


def test_its_log_holds_warnings_only(tmp_path: Path) -> None:
    with start_clickhouse(tmp_path) as server:
        make_table(server)
        for number in range(20):
            query(server, f"INSERT INTO default.t VALUES ({number})")
    text = (tmp_path / "clickhouse.log").read_text()
    assert "<Trace>" not in text
    assert "<Debug>" not in text
    assert len(text) < 20_000


def test_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from weftline.deploy.local.clickhouse import ClickHouse
server = ClickHouse(Path({str(tmp_path)!r}), tcp_port={free_port()}, http_port={free_port()})
server.start()
server.wait_ready()
print(server.http_port, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert listens(port)
        parent.kill()
    deadline = time.monotonic() + 10
    while listens(port):
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.02)
    with start_clickhouse(tmp_path):
        pass  # and the folder is free again


def test_ends_when_its_standard_input_ends(tmp_path: Path) -> None:
    """What keeps it from outliving its parent where the kernel doesn't see to it."""
    with start_clickhouse(tmp_path) as server:
        server.ask_to_end()
        assert server.wait(10) == 0


def test_another_version_or_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clickhouse, "version", lambda _: "25.1.0")
    with pytest.raises(Misconfigured, match=r"needs chdb-core 26\.9\.0, but 25\.1\.0 is installed: pip install"):
        ClickHouse(tmp_path).start()

    def missing(name: str) -> str:
        raise clickhouse.PackageNotFoundError(name)

    monkeypatch.setattr(clickhouse, "version", missing)
    with pytest.raises(Misconfigured, match=r"not installed: pip install 'weftline\[local\]'"):
        ClickHouse(tmp_path).start()


def test_the_version_is_the_one_pyproject_pins() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert f"chdb-core=={CHDB_CORE}" in project["optional-dependencies"]["local"]
