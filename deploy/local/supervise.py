"""Keep child processes running: start them in order, start again what dies, stop them in reverse order."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from weftline.collector.errors import Misconfigured

from .process import Process, ProcessDied

RESTARTS = 5
"""A process that dies more often than this within `WINDOW` is given up."""
WINDOW = 60.0
FIRST_DELAY = 0.25
"""Seconds before the second restart within `WINDOW`; doubles with each further one. The first comes at once."""


class State(Enum):
    """What is happening to a part of the stack."""

    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    LEFT_OUT = "left out"


Report = Callable[[str, State, str], None]
"""Told the part's name, its new state and, where there is something to say, a sentence."""


@dataclass(slots=True)
class _Kept:
    process: Process
    died: deque[float] = field(default_factory=deque)
    retry_at: float | None = None


class Supervisor:
    """Owns the processes given to `start`. All calls from one thread, the main thread (with_parent.py)."""

    def __init__(self, report: Report, clock: Callable[[], float] = time.monotonic) -> None:
        self._report = report
        self._clock = clock
        self._kept: list[_Kept] = []

    def start(self, process: Process) -> None:
        """Start ``process`` and wait until it is ready; `ProcessDied` or `Misconfigured` if it can't be."""
        self._report(process.name, State.STARTING, "")
        self._kept.append(_Kept(process))
        process.start()
        process.wait_ready()
        self._report(process.name, State.READY, "")

    def check(self) -> None:
        """Start again what has died; to be called a few times a second. `ProcessDied` when one is given up."""
        for kept in self._kept:
            if kept.process.running:
                continue
            now = self._clock()
            if kept.retry_at is None:
                self._note_death(kept, now)
            if kept.retry_at is not None and now >= kept.retry_at:
                kept.retry_at = None
                self._restart(kept.process)

    def stop(self) -> None:
        """Stop everything, the last started first. Safe to call more than once."""
        while self._kept:
            process = self._kept.pop().process
            process.stop()
            self._report(process.name, State.STOPPED, "")

    def _note_death(self, kept: _Kept, now: float) -> None:
        process = kept.process
        kept.died.append(now)
        while kept.died[0] < now - WINDOW:
            kept.died.popleft()
        count = len(kept.died)
        if count > RESTARTS:
            raise ProcessDied(
                f"{process.name} ended {count} times within {WINDOW:.0f} s and is given up. "
                f"The end of its log, {process.log}:\n{process.tail()}"
            )
        kept.retry_at = now + (FIRST_DELAY * 2 ** (count - 2) if count > 1 else 0.0)
        sentence = (
            f"{process.name} ended with exit code {process.exit_code}; "
            f"starting it again ({count} of {RESTARTS}). Its log: {process.log}"
        )
        self._report(process.name, State.RESTARTING, sentence)

    def _restart(self, process: Process) -> None:
        try:
            process.start()
            process.wait_ready()
        except (ProcessDied, Misconfigured) as error:
            process.stop()  # it may run without being ready; the next check counts this as a death
            self._report(process.name, State.RESTARTING, str(error))
        else:
            self._report(process.name, State.READY, f"{process.name} runs again.")
