"""`weftline-agent status`: the files processes write about their agent, and what is said of them."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.launched import BIN, RUN, Start, programs, write
from support.otlp_sink import OtlpSink
from weftline.agent import counters, publish, status
from weftline.agent.__main__ import main
from weftline.agent.publish import Exporting, Publisher

GONE = 2**22 + 1
"""No process has this id: it is above the kernel's limit."""


def publisher(folder: Path) -> Publisher:
    return Publisher(str(folder), "cart", "http://user:secret@127.0.0.1:4318?token=secret", "http/protobuf")


def said(folder: Path) -> str:
    out = io.StringIO()
    status.show(status.read([folder]), out)
    return out.getvalue()


def test_what_was_done_is_told(tmp_path: Path) -> None:
    counters.count("woven", "flask.app:Flask.wsgi_app")
    counters.count("woven", "_sqlite3:connect")
    counters.count("refused", "x:f: not there")
    counters.count("contained", "x:g", 3)
    counters.count("exported_spans", "otlp", 1200)
    counters.count("dropped_spans", "queue full", 7)
    counters.count("dropped_spans", "status 400", 1)
    made = publisher(tmp_path)
    made.publish(Exporting(waiting_spans=3, error="status 400", error_url="http://c/v1/traces", error_time=time.time()))
    text = said(tmp_path)
    assert f"pid={os.getpid()} service=cart" in text
    assert "  running; began 0 s ago" in text
    assert "http/protobuf to http://REDACTED:REDACTED@127.0.0.1:4318; last error: status 400 (0 s ago)" in text
    assert "spans     1,211 made, 1,200 exported, 3 waiting, 8 dropped (queue full: 7, status 400: 1)" in text
    assert "logs      0 made, 0 exported, 0 waiting, 0 dropped" in text
    assert "woven     2 functions: flask 1, sqlite3 1" in text
    assert "left alone x:f: not there" in text
    assert "failed in x:g (3)" in text
    assert "secret" not in next(tmp_path.glob("*")).read_text()


def test_failing_is_said_as_such(tmp_path: Path) -> None:
    failing = Exporting(failing=True, error="connection", error_url="http://c/v1/logs", error_time=time.time() - 125)
    publisher(tmp_path).publish(failing)
    assert "export    FAILING to http://c/v1/logs: connection (2 min ago)" in said(tmp_path)


def test_written_only_when_something_changed(tmp_path: Path) -> None:
    made = publisher(tmp_path)
    made.publish(Exporting())
    (path,) = tmp_path.iterdir()
    first = path.read_text()
    made.publish(Exporting())
    assert path.read_text() == first
    counters.count("exported_logs", "otlp")
    made.publish(Exporting())
    assert path.read_text() != first
    assert [it.name for it in tmp_path.iterdir()] == [f"{os.getpid()}.agent"]
    assert path.stat().st_mode & 0o077 == 0


def test_after_the_last_words_nothing_is_written(tmp_path: Path) -> None:
    made = publisher(tmp_path)
    made.publish(Exporting(), "ended")
    made.publish(Exporting(waiting_logs=1))
    (report,) = status.read([tmp_path])
    assert (report.state, report.waiting_logs) == ("the agent was stopped", 0)


def of(folder: Path, pid: int, **changed: object) -> Path:
    """Another process's file."""
    publisher(folder).publish(Exporting())
    (mine,) = folder.glob(f"{os.getpid()}.agent")
    facts = dict(line.split("\t", 1) for line in mine.read_text().splitlines())
    mine.unlink()
    path = folder / f"{pid}.agent"
    facts |= {"pid": str(pid), **{name: str(value) for name, value in changed.items()}}
    path.write_text("".join(f"{name}\t{value}\n" for name, value in facts.items()))
    return path


@pytest.mark.parametrize(("said_last", "expected"), [("running", "ended without its last words"), ("ended", "ended")])
def test_a_process_that_is_gone(tmp_path: Path, said_last: str, expected: str) -> None:
    of(tmp_path, GONE, state=said_last)
    assert [report.state for report in status.read([tmp_path])] == [expected]


def test_a_later_process_of_the_same_id_is_another(tmp_path: Path) -> None:
    of(tmp_path, os.getpid(), born="1")
    assert not status.read([tmp_path])[0].running


def test_running_ones_are_chosen_else_the_last(tmp_path: Path) -> None:
    of(tmp_path, GONE, started=1)
    of(tmp_path, GONE + 1, started=2)
    gone = status.read([tmp_path])
    assert [report.pid for report in status.chosen(gone, None, everything=False)] == [GONE + 1]
    publisher(tmp_path).publish(Exporting())
    all_of_them = status.read([tmp_path])
    assert [report.pid for report in status.chosen(all_of_them, None, everything=False)] == [os.getpid()]
    assert len(status.chosen(all_of_them, None, everything=True)) == 3
    assert [report.pid for report in status.chosen(all_of_them, GONE, everything=False)] == [GONE]


def test_files_that_are_none_are_passed_over_and_nothing_reaches_the_terminal_raw(tmp_path: Path) -> None:
    (tmp_path / "1.agent").write_text("nonsense")
    (tmp_path / "2.agent").write_bytes(b"\xff\x00")
    of(tmp_path, GONE, service="\x1b[31mcart")
    assert "\x1b" not in said(tmp_path)
    assert "service=[31mcart" in said(tmp_path)


def test_old_files_of_ended_processes_go(tmp_path: Path) -> None:
    for number in range(100):
        os.utime(of(tmp_path, GONE + number), (number, number))
    publisher(tmp_path).publish(Exporting(), "ended")
    left = {int(path.stem) for path in tmp_path.glob("*.agent")}
    assert len(left) == 64
    assert {os.getpid(), GONE + 99, GONE + 98} <= left


def test_a_folder_that_is_somebody_elses_is_not_written_to(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    mine.chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").write_text("")
    for place in (mine, tmp_path / "link", tmp_path / "file", tmp_path / "file" / "below"):
        publisher(place).publish(Exporting())
    assert list(tmp_path.glob("**/*.agent")) == []


def test_switched_off(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Publisher("none", "cart", "http://c", "http/protobuf").publish(Exporting())
    monkeypatch.setenv("WEFTLINE_AGENT_STATUS_FOLDER", "none")
    assert main(["status"]) == 1
    assert "No process with the agent was found" in capsys.readouterr().err


def test_the_users_own_folder_in_the_temporary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    Publisher("", "cart", "http://c", "http/protobuf").publish(Exporting())
    (place,) = status.folders("")
    assert place == tmp_path / f"weftline-agent-{os.geteuid()}"
    assert place.stat().st_mode & 0o777 == 0o700
    assert len(status.read([place])) == 1


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["python", "/srv/shop.py", "--password", "x"], "shop.py"),
        (["python", "-W", "ignore", "-u", "/bin/gunicorn", "shop:app"], "gunicorn"),
        (["python", "-m", "uvicorn", "shop:app"], "uvicorn"),
        (["python", "-c", "secret()"], "python -c"),
        (["python"], "python"),
        ([], "python"),
    ],
)
def test_programs_are_named_without_their_arguments(arguments: list[str], name: str) -> None:
    assert publish.program(arguments) == name


def test_a_child_counts_anew_but_is_woven_as_its_parent() -> None:
    counters.count("woven", "x:f")
    counters.count("exported_spans", "otlp", 5)
    counters.in_forked_child()
    assert counters.snapshot() == {("woven", "x:f"): 1}


@pytest.fixture
def run(tmp_path: Path, sink: OtlpSink) -> Iterator[Start]:
    with programs(tmp_path, sink.url) as start:
        yield start


def asked(folder: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [BIN / "weftline-agent", "status", "--json", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "WEFTLINE_AGENT_STATUS_FOLDER": str(folder / "status")},
    )  # fmt: skip
    return {report["pid"]: report for report in json.loads(done.stdout)}


PROGRAM = """
    import logging, os, signal, sys, time
    import sqlite3
    logging.warning("parent")
    child = os.fork()
    if child == 0:
        logging.warning("child"), logging.warning("child")
    print("up", flush=True)
    time.sleep(60)
"""


@pytest.mark.socket
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_program_and_its_forked_child(run: Any, tmp_path: Path, how: signal.Signals) -> None:
    write(tmp_path, "shop.py", PROGRAM)
    process = run(RUN, "run", "python", "-W", "ignore", "shop.py", OTEL_BSP_SCHEDULE_DELAY="20")
    for _ in range(2):
        while "up" not in process.stdout.readline():
            assert process.poll() is None
    deadline = time.monotonic() + 10
    while True:
        reports = asked(tmp_path)
        logs = sorted(report["counts"].get("exported_logs", {}).get("otlp", 0) for report in reports.values())
        if logs == [1, 2]:
            break
        assert time.monotonic() < deadline, reports
    assert {report["state"] for report in reports.values()} == {"running"}
    assert {report["program"] for report in reports.values()} == {"shop.py"}
    assert all("_sqlite3:connect" in report["counts"]["woven"] for report in reports.values())
    for pid in reports:
        os.kill(pid, how)
    process.wait(10)
    (child,) = reports.keys() - {process.pid}
    while Path(f"/proc/{child}").exists():
        time.sleep(0.01)
    assert asked(tmp_path).keys() <= {process.pid, child}
    ended = asked(tmp_path, "--all")
    last = "ended" if how == signal.SIGTERM else "ended without its last words"
    assert {pid: report["state"] for pid, report in ended.items()} == {process.pid: last, child: last}


@pytest.mark.socket
def test_a_collector_that_is_away_is_seen_at_once(run: Any, tmp_path: Path) -> None:
    write(tmp_path, "shop.py", "import logging, time; logging.warning('x'); time.sleep(60)")
    process = run(
        RUN, "run", "python", "shop.py",
        OTEL_BSP_SCHEDULE_DELAY="20", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
    )  # fmt: skip
    deadline = time.monotonic() + 10
    while not (reports := asked(tmp_path, str(process.pid))) or not reports[process.pid]["failing"]:
        assert time.monotonic() < deadline, reports
    report = reports[process.pid]
    assert (report["error"], report["error_url"]) == ("connection", "http://127.0.0.1:1/v1/logs")
    assert report["waiting_logs"] == 1


@pytest.mark.socket
def test_a_silent_program_has_its_file_from_the_start(run: Any, tmp_path: Path) -> None:
    write(tmp_path, "shop.py", "print('up', flush=True); import time; time.sleep(60)")
    process = run(RUN, "run", "python", "shop.py")
    assert process.stdout.readline() == "up\n"
    assert asked(tmp_path)[process.pid]["state"] == "running"
    assert sys.version.startswith(asked(tmp_path)[process.pid]["python"])
