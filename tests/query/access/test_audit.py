"""Where look-ups are written down: a file, ClickHouse, and what happens when either can't be written."""

import json
import logging
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.access import tokens
from support.roles import environment, eventually
from weftline.collector.errors import TryLater
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.lookups import LookUp, store_lookups
from weftline.query.access import audit
from weftline.query.access.audit import Audits, LineFile, Table, shown

ONE = LookUp(
    1_795_000_000_123_000_000, "ada", "shop", "10.4.0.7", "192.0.2.4", "http", "GET", "/api/v1/transactions/ä", "q=1", "200", 23, 8.2
)  # fmt: skip


def test_a_line_each(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    log = Audits([LineFile(file)])
    log.note(ONE)
    file.rename(tmp_path / "audit.1")
    log.note(ONE)
    for path in (tmp_path / "audit.1", file):
        [line] = path.read_text().splitlines()
        assert json.loads(line) == {
            "time": "2026-11-18T11:06:40.123Z", "who": "ada", "tenant": "shop", "peer": "10.4.0.7",
            "forwarded_for": "192.0.2.4", "protocol": "http", "method": "GET", "path": "/api/v1/transactions/ä",
            "query": "q=1", "status": "200", "rows": 23, "duration": 8.2,
        }  # fmt: skip


def test_a_file_that_can_not_be_written_is_said_and_nothing_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    LineFile(tmp_path / "none" / "audit.jsonl").note(ONE)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "missing from the audit log" in record.getMessage()


def test_what_clickhouse_does_not_take_yet_waits_and_then_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit, "WAITING", 3)
    away, kept = True, []

    def store(lookups: Sequence[LookUp]) -> None:
        if away:
            raise TryLater("away")
        kept.extend(lookups)

    table = Table(store, every=0.01)
    table.note(ONE)
    eventually(lambda: "Look-ups wait for the audit table" in caplog.text)
    table.note(ONE)
    away = False
    eventually(lambda: len(kept) == 2)
    away = True
    for _ in range(50):
        table.note(ONE)
    table.close()
    assert "A look-up is missing from the audit table" in caplog.text
    assert "Look-ups are missing from the audit table" in caplog.text


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("q=a%3Db&limit=5", "q=a%3Db&limit=5"),
        ("", ""),
        ("a=1&TOKEN=x", "a=1&TOKEN=%5Bnot+stored%5D"),
        ("token", "token=%5Bnot+stored%5D"),
    ],
)
def test_parameters_named_like_a_secret_are_left_out(query: str, written: str) -> None:
    assert shown(query) == written


@pytest.mark.clickhouse
def test_rows_in_clickhouse(store: ClickHouseSettings) -> None:
    store_lookups(store, [ONE, ONE])
    with connect(store) as client:
        [row, _] = client.execute("SELECT toUnixTimestamp64Milli(time), * EXCEPT time FROM lookups")
    assert row == (
        1_795_000_000_123,
        "ada",
        "shop",
        "10.4.0.7",
        "192.0.2.4",
        "http",
        "GET",
        "/api/v1/transactions/ä",
        "q=1",
        "200",
        23,
        8.2,
    )


def status(url: str, headers: dict[str, str]) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.clickhouse
def test_the_process_writes_both_and_loses_none_at_its_end(store: ClickHouseSettings, tmp_path: Path) -> None:
    made, file = tokens(tmp_path), tmp_path / "audit.jsonl"
    environ = environment(
        store, WEFTLINE_QUERY_PORT=0, WEFTLINE_QUERY_GRPC_PORT=0, WEFTLINE_QUERY_AUDIT_FILE=file, WEFTLINE_QUERY_AUDIT_TABLE="true",
        WEFTLINE_ACCESS_TOKENS_FILE=made.file, WEFTLINE_ACCESS_TRUSTED_PROXIES="127.0.0.0/8", WEFTLINE_QUERY_HOST="0.0.0.0",
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "weftline.query"],
        env={**environ, "PATH": "/usr/bin:/bin"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr
        port = next(line for line in process.stderr if "listens on" in line).rsplit(":", 1)[-1].strip()
        ada = {"x-forwarded-user": "ada", "x-forwarded-for": "192.0.2.4"}
        for headers in (ada, made.bearer("a"), {}):
            assert status(f"http://127.0.0.1:{port}/api/v1/services", headers) == (200 if headers else 401)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        said = process.communicate()[1]
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(it["who"], it["tenant"], it["peer"], it["forwarded_for"], it["status"]) for it in lines] == [
        ("ada", "", "127.0.0.1", "192.0.2.4", "200"), ("a", "a", "127.0.0.1", "", "200"), ("", "", "127.0.0.1", "", "401"),
    ]  # fmt: skip
    with connect(store) as client:
        found = client.execute("SELECT who, tenant, peer, forwarded_for, status FROM lookups ORDER BY time, status")
    assert set(found) == {
        tuple(it[name] for name in ("who", "tenant", "peer", "forwarded_for", "status")) for it in lines
    }
    assert not [secret for secret in made.secrets.values() if secret in file.read_text() + said]


def test_a_query_service_that_others_can_reach_wants_to_know_who_may() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "weftline.query"], env={"WEFTLINE_QUERY_HOST": "::", "PATH": "/usr/bin:/bin"}, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr == (
        "weftline: The query service would listen on :: for anybody: name who may with WEFTLINE_ACCESS_TOKENS_FILE "
        "(`weftline token new`) or WEFTLINE_ACCESS_TRUSTED_PROXIES, or say WEFTLINE_ACCESS_OPEN=true.\n"
    )
