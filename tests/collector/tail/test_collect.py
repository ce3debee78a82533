"""`weftline collect logs` as an operator runs it: a real process, a real edge that comes and goes, a real ClickHouse."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.access import tokens
from support.roles import Edge, eventually
from weftline.collector.access.identity import Role
from weftline.collector.access.tokens import Token, digest, mint
from weftline.collector.access.tokens import line as entry
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.deploy.local.ports import free_port

pytestmark = pytest.mark.clickhouse


def line(transaction: str, n: int) -> str:
    return json.dumps(
        {
            "start_time": f"{1_795_320_524 + n}.461570", "trace_id": transaction, "span_id": f"{n:016x}", "method": "GET",
            "path": f"/{n}", "response_code": 200, "access_log_type": "DownstreamEnd", "request_id": str(uuid.UUID(int=n)),
            "downstream_remote_address": "10.0.0.1:1", "downstream_local_address": "10.0.0.2:2",
        }
    )  # fmt: skip


def command(folder: Path, edge: str, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "weftline.collector", "collect", "logs", "--file", str(folder / "access.log"), "--endpoint", edge,
        "--position-file", str(folder / "positions.json"), "--refused-file", str(folder / "refused.jsonl"),
        "--resource", "service.name=cart", *more,
    ]  # fmt: skip


@contextmanager
def collecting(folder: Path, edge: str, *more: str) -> Iterator["subprocess.Popen[bytes]"]:
    with (folder / "collect.log").open("ab") as log:
        child = subprocess.Popen(command(folder, edge, *more), stderr=log)
    try:
        yield child
    finally:
        child.terminate()
        assert child.wait(20) == 0, (folder / "collect.log").read_text()


def edge_at(port: int, folder: Path, store: ClickHouseSettings) -> Edge:
    edge = Edge(folder, store)
    edge.http_port = port
    edge.env = {**edge.env, "WEFTLINE_EDGE_HTTP_PORT": str(port)}
    return edge


def stored(store: ClickHouseSettings, transaction: str) -> tuple[int, int]:
    """(records, rows)"""
    with connect(store) as client:
        [row] = client.execute(
            "SELECT uniqExact(record_id), count() FROM access_logs WHERE transaction_id = unhex(%(id)s)",
            {"id": transaction},
        )
    return row


def test_once_sends_all_and_puts_aside_what_is_no_access_log(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader
) -> None:
    transaction = uuid.uuid4().hex
    log = tmp_path / "access.log"
    log.write_bytes(
        f"{line(transaction, 1)}\nstarting main dispatch loop\n{line(transaction, 2)}\n".encode() + b"\xff\n"
    )
    with Edge(tmp_path, store) as edge:
        for _ in range(2):  # the second time there is nothing new
            done = subprocess.run(
                command(tmp_path, edge.url(""), "--once"), check=False, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, done.stderr
    rows = reader.transaction(transaction, 10)
    assert [(row.path, row.service) for row in rows] == [("/1", "cart"), ("/2", "cart")]
    assert stored(store, transaction) == (2, 2)
    refused = [json.loads(entry) for entry in (tmp_path / "refused.jsonl").read_text().splitlines()]
    assert [(entry["path"], entry["line"], entry["text"]) for entry in refused] == [
        (str(log), 2, "starting main dispatch loop"),
        (str(log), 4, "\\xff"),
    ]
    assert "neither JSON nor" in refused[0]["reason"]


def test_nothing_is_lost_while_the_edge_is_away_the_file_is_rotated_and_we_are_killed(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader
) -> None:
    transaction = uuid.uuid4().hex
    log = tmp_path / "access.log"
    log.touch()
    port, written = free_port(), 0

    def write(count: int) -> None:
        nonlocal written
        with log.open("a") as file:
            for _ in range(count):
                written += 1
                file.write(line(transaction, written) + "\n")

    url = f"http://127.0.0.1:{port}"
    with collecting(tmp_path, url) as child:
        write(100)
        # Nobody is there to take them.
        eventually(lambda: "Lines wait in their files" in (tmp_path / "collect.log").read_text(), 60)
        log.rename(tmp_path / "access.log.1")
        write(100)
        with edge_at(port, tmp_path, store):
            eventually(lambda: stored(store, transaction)[0] == 200)
            write(100)
            eventually(lambda: stored(store, transaction)[0] == 300)
        write(50)
        time.sleep(0.5)
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10)
        child.returncode = 0  # it was us
    (tmp_path / "access.log.1").rename(tmp_path / "access.log.2")
    log.rename(tmp_path / "access.log.1")
    write(50)
    with edge_at(port, tmp_path, store), collecting(tmp_path, url):
        eventually(lambda: stored(store, transaction)[0] == written)
    assert len(reader.transaction(transaction, 1000)) == written == 400
    assert not (tmp_path / "refused.jsonl").exists()


def test_a_missing_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path, "http://127.0.0.1:1", "--position-file", str(tmp_path / "no" / "p.json")),
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "There is no folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_lines_wait_for_a_token_that_is_good(
    tmp_path: Path, store: ClickHouseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that has expired is no reason to put lines aside."""
    made, secret, transaction = tokens(tmp_path), mint(), uuid.uuid4().hex
    (tmp_path / "access.log").write_text(line(transaction, 1) + "\n")
    monkeypatch.setenv("WEFTLINE_TOKEN", secret)
    with Edge(tmp_path, store, WEFTLINE_ACCESS_TOKENS_FILE=made.file) as edge, collecting(tmp_path, edge.url("")):
        eventually(lambda: "answers 401; set WEFTLINE_TOKEN" in (tmp_path / "collect.log").read_text())
        with made.file.open("a") as file:
            file.write(entry(Token("late", digest(secret), "", frozenset({Role.WRITE}), None)) + "\n")
        assert eventually(lambda: stored(store, transaction) == (1, 1))
    assert not (tmp_path / "refused.jsonl").exists()
    assert secret not in (tmp_path / "collect.log").read_text()
