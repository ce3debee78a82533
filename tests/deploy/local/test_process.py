"""One child process: health check, stop, log, and that nothing outlives its supervisor."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from weftline.deploy.local.process import LOG_BYTES, Process, ProcessDied

SLEEP = [sys.executable, "-c", "import time; print('hello', flush=True); time.sleep(60)"]
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('hello', flush=True); time.sleep(60)"


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < deadline, f"{pid} still runs"
        time.sleep(0.02)


def says_hello(log: Path) -> bool:
    return log.exists() and "hello" in log.read_text()


def test_runs_until_stopped_and_keeps_its_log(tmp_path: Path) -> None:
    log = tmp_path / "sub" / "child.log"
    with Process("child", SLEEP, log=log, ready=lambda: says_hello(log)) as child:
        pid = child.pid
        assert pid is not None
        assert child.running
        assert not gone(pid)
    assert gone(pid)
    assert not child.running
    assert child.exit_code == -signal.SIGTERM
    assert log.read_text() == "hello\n"


def test_starting_a_running_child_does_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Process("child", SLEEP, log=log, ready=lambda: says_hello(log)) as child:
        pid = child.pid
        child.start()
        assert child.pid == pid


def test_one_that_ignores_sigterm_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", STUBBORN]
    with Process("child", command, log=log, ready=lambda: says_hello(log), grace_seconds=0.3) as child:
        pass
    assert child.exit_code == -signal.SIGKILL


def test_what_the_child_started_is_stopped_with_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"import subprocess, sys, time; p = subprocess.Popen({SLEEP!r}); print(p.pid, flush=True); time.sleep(60)"
    with Process("child", [sys.executable, "-c", script], log=log, ready=lambda: says_hello(log)):
        grandchild = int(log.read_text().split()[0])
        assert not gone(grandchild)
    wait_until_gone(grandchild)


def test_one_that_dies_is_reported_with_its_exit_code_and_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; print('first'); sys.exit('no such table')"]
    with (
        pytest.raises(ProcessDied, match=r"child ended with exit code 1\.(?s:.)*first\nno such table"),
        Process("child", command, log=tmp_path / "log", ready=lambda: False),
    ):
        pass


def test_one_that_is_never_ready_is_reported_and_stopped(tmp_path: Path) -> None:
    child = Process("child", SLEEP, log=tmp_path / "log", ready=lambda: False, ready_seconds=0.3)
    with pytest.raises(ProcessDied, match="child isn't ready after 0 s"), child:
        pass
    assert not child.running


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(ProcessDied, match="no-such-program: No such file or directory"),
        Process("child", ["no-such-program"], log=tmp_path / "log", ready=lambda: False),
    ):
        pass


def test_waiting_for_the_end(tmp_path: Path) -> None:
    child = Process("child", [sys.executable, "-c", "raise SystemExit(3)"], log=tmp_path / "log", ready=lambda: True)
    child.start()
    assert child.wait(10) == 3
    child.stop()
    child = Process("child", SLEEP, log=tmp_path / "log", ready=lambda: True)
    child.start()
    with pytest.raises(ProcessDied, match="still runs"):
        child.wait(0.05)
    child.stop()


def test_environment_is_added_to_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    command = [sys.executable, "-c", "import os; print(os.environ['OURS'], os.environ['ADDED'])"]
    child = Process("child", command, log=tmp_path / "log", ready=lambda: True, env={"ADDED": "2"})
    child.start()
    assert child.wait(10) == 0
    child.stop()
    assert child.tail() == "1 2"


def test_a_large_log_is_put_aside_at_the_next_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * (LOG_BYTES + 1))
    with Process("child", SLEEP, log=log, ready=lambda: says_hello(log)):
        pass
    assert log.read_text() == "hello\n"
    assert (tmp_path / "log.1").stat().st_size == LOG_BYTES + 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can kill a child when its parent is gone")
def test_dies_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    supervisor_script = f"""
import time
from pathlib import Path
from weftline.deploy.local.process import Process
log = Path({str(log)!r})
child = Process("child", [{sys.executable!r}, "-c", {STUBBORN!r}], log=log, ready=lambda: log.read_text() == "hello\\n")
child.start()
child.wait_ready()
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", supervisor_script], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        assert not gone(pid)
        os.kill(supervisor.pid, signal.SIGKILL)
        supervisor.wait()
        wait_until_gone(pid)
