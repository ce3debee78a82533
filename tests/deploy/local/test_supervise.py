"""Starting again what dies, with growing pauses and an end to it."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from weftline.deploy.local.process import Process, ProcessDied
from weftline.deploy.local.supervise import FIRST_DELAY, RESTARTS, WINDOW, State, Supervisor

SCRIPT = "import sys, time; print('ready', flush=True); sys.stdin.read()"


class Stage:
    """A supervisor with one child, a clock set by hand and what was reported."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.reports: list[tuple[str, State, str]] = []
        self.supervisor = Supervisor(lambda *report: self.reports.append(report), clock=lambda: self.now)
        log = folder / "child.log"
        self.starts = 0
        self.child = Process(
            "child", [sys.executable, "-c", SCRIPT], log=log, ready=lambda: log.read_text().count("ready") > self.starts
        )
        self.supervisor.start(self.child)

    def kill(self) -> None:
        assert self.child.pid is not None
        self.starts += 1
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.wait(10)

    @property
    def states(self) -> list[State]:
        return [state for _, state, _ in self.reports]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.supervisor.stop()


def test_reports_start_and_stop(stage: Stage) -> None:
    stage.supervisor.stop()
    stage.supervisor.stop()
    assert stage.states == [State.STARTING, State.READY, State.STOPPED]
    assert not stage.child.running


def test_one_that_runs_is_left_alone(stage: Stage) -> None:
    pid = stage.child.pid
    stage.supervisor.check()
    assert stage.child.pid == pid


def test_one_that_died_runs_again(stage: Stage) -> None:
    stage.kill()
    stage.supervisor.check()
    assert stage.child.running
    assert stage.states[2:] == [State.RESTARTING, State.READY]
    assert "child ended with exit code -9; starting it again (1 of 5)" in stage.reports[2][2]


def test_pauses_grow(stage: Stage) -> None:
    stage.kill()
    stage.supervisor.check()
    stage.kill()
    stage.supervisor.check()
    assert not stage.child.running
    stage.now += FIRST_DELAY
    stage.supervisor.check()
    assert stage.child.running
    stage.kill()
    stage.supervisor.check()
    stage.now += FIRST_DELAY
    stage.supervisor.check()
    assert not stage.child.running
    stage.now += FIRST_DELAY
    stage.supervisor.check()
    assert stage.child.running


def test_gives_up_one_that_dies_too_often(stage: Stage) -> None:
    for _ in range(RESTARTS):
        stage.kill()
        stage.supervisor.check()
        stage.now += 5
        stage.supervisor.check()
        assert stage.child.running
    stage.kill()
    with pytest.raises(ProcessDied, match=f"child ended {RESTARTS + 1} times within 60 s and is given up"):
        stage.supervisor.check()


def test_deaths_long_ago_don_t_count(stage: Stage) -> None:
    for _ in range(RESTARTS + 3):
        stage.kill()
        stage.supervisor.check()
        assert stage.child.running
        stage.now += WINDOW + 1


def test_stops_in_reverse_order_also_when_one_can_t_start(tmp_path: Path) -> None:
    stopped: list[str] = []
    supervisor = Supervisor(lambda name, state, _: stopped.append(name) if state is State.STOPPED else None)

    def process(name: str, script: str) -> Process:
        log = tmp_path / f"{name}.log"
        return Process(name, [sys.executable, "-c", script], log=log, ready=lambda: "ready" in log.read_text())

    supervisor.start(process("one", SCRIPT))
    supervisor.start(process("two", SCRIPT))
    with pytest.raises(ProcessDied, match="three ended with exit code 1"):
        supervisor.start(process("three", "raise SystemExit(1)"))
    supervisor.stop()
    assert stopped == ["three", "two", "one"]
