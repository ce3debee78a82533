"""One supervised child process: start, health check, stop, and its log when it dies.

Every part of the local stack is one of these. A child runs in a session of its own, so that Ctrl-C reaches only the
supervisor, which then stops its children in order; when the supervisor is killed the kernel kills them
(`with_parent.py`).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from . import with_parent

POLL_SECONDS = 0.05
LOG_BYTES = 8 << 20
"""A child's log beyond this is put aside as `<name>.log.1` at its next start."""


class ProcessDied(Exception):  # noqa: N818 - what the caller has to deal with
    """The child ended, or isn't ready in time; the text has the end of its log. Starting it again may help."""


class Process:
    """A child process. One thread, the supervisor's main thread, calls it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ready_seconds: float = 30.0,
        grace_seconds: float = 10.0,
    ) -> None:
        """``ready`` is asked until it is true; ``env`` is added to our environment; ``log`` gets all it prints."""
        self.name = name
        self.command = command
        self.log = log
        self.ready = ready
        self.env = env or {}
        self.cwd = cwd
        self.ready_seconds = ready_seconds
        self.grace_seconds = grace_seconds
        self.inherited: tuple[int, ...] = ()
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Of the last child started; None before the first."""
        return self._child.pid if self._child else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that killed it."""
        return self._child.poll() if self._child else None

    def start(self) -> None:
        """Start the child and return at once. Does nothing while it runs."""
        if self.running:
            return
        self._clear_away()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", str(with_parent.__file__), str(os.getpid()), *self.command],
                # A pipe nobody writes to: a child that reads its standard input sees our end.
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.env},
                cwd=self.cwd,
                pass_fds=self.inherited,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Block until the health check passes; `ProcessDied` if the child ends first or ``ready_seconds`` pass."""
        deadline = time.monotonic() + self.ready_seconds
        while not self.ready():
            if not self.running:
                raise ProcessDied(f"{self.name} ended with exit code {self.exit_code}.{self._log_excerpt()}")
            if time.monotonic() > deadline:
                raise ProcessDied(f"{self.name} isn't ready after {self.ready_seconds:.0f} s.{self._log_excerpt()}")
            time.sleep(POLL_SECONDS)

    def wait(self, seconds: float) -> int:
        """Block until the child has ended and return its exit code; `ProcessDied` after ``seconds``."""
        assert self._child is not None, "not started"  # noqa: S101 - a programming error
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ProcessDied(f"{self.name} still runs after {seconds:.0f} s.{self._log_excerpt()}") from None

    def stop(self) -> None:
        """Ask the child to end, wait ``grace_seconds``, then kill it and all it started. Safe to call at any time."""
        if self._child is None:
            return
        if self.running:
            self.ask_to_end()
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(self.grace_seconds)
        self._clear_away()

    def ask_to_end(self) -> None:
        """SIGTERM, unless this kind of server is ended in another way."""
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM)

    def tail(self, lines: int = 12) -> str:
        """The last lines the child printed."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 16384))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def _clear_away(self) -> None:
        """Nothing of the last child is left: not what it started, not our end of its pipe."""
        if self._child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
            self._close_stdin()

    def _close_stdin(self) -> None:
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()

    def _log_excerpt(self) -> str:
        text = self.tail()
        return f" The end of its log, {self.log}:\n{text}" if text else f" Its log, {self.log}, is empty."
