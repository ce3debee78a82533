"""What this process's agent has done so far, in a small file that `weftline-agent status` reads (`status.py`).

A file and not a socket: it takes no thread, cannot block, and tells of a process that was killed too. The export
thread writes it once a delay if something changed, the agent when it starts and ends. Each is written whole
and renamed into place. A forked child writes one of its own. Whatever fails here is let go.
"""

import logging
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from weftline.agent import counters, http_attributes

LOGGER: Final = logging.getLogger("weftline.agent")

NOWHERE: Final = "none"
"""The setting's value that means no file."""
SUFFIX: Final = ".agent"
_KEPT: Final = 64
"""Files that stay of processes that have ended."""
_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH

Counts = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Exporting:
    """How the export thread fares. `waiting_…` count what is queued and what is being sent; `error` is the last reason
    an export failed, at `error_time` (Unix seconds), empty if none has; `failing` says it has not worked since."""

    waiting_spans: int = 0
    waiting_logs: int = 0
    failing: bool = False
    error: str = ""
    error_url: str = ""
    error_time: float = 0.0


def folder(chosen: str) -> Path | None:
    """Where the files are, as the setting has it; None for nowhere. Without a choice: the user's own folder in TMPDIR
    or /tmp, which `status` finds without being told."""
    if chosen == NOWHERE:
        return None
    if chosen:
        return Path(chosen)
    return temporary() / f"weftline-agent-{os.geteuid() if hasattr(os, 'geteuid') else os.environ.get('USERNAME', '')}"


def temporary() -> Path:
    """The folder for temporary files, without the probing `tempfile` does."""
    return Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - the folder below it must be the user's own


def born(pid: int | str) -> str:
    """When the kernel started a process, in its own ticks: tells a process from a later one of the same id. Empty if
    there is no such process, or no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


class Publisher:
    """Writes the process's file. Not for use by two threads at once; never raises."""

    def __init__(self, chosen: str, service: str, endpoint: str, protocol: str) -> None:
        self._folder = folder(chosen)
        self._about = {
            "program": program(getattr(sys, "orig_argv", sys.argv)),
            "service": service,
            "endpoint": http_attributes.url(endpoint).partition("?")[0],
            "protocol": protocol,
            "python": sys.version.split()[0],
        }
        self.in_new_process()

    def in_new_process(self) -> None:
        """From now on this process is meant: a forked child counts anew."""
        self._started = time.time()
        self._last: tuple[Counts, Exporting, str] | None = None

    def publish(self, exporting: Exporting, state: str = "running") -> None:
        """Writes the file if anything changed; `state` is `running` or, for the last time, `ended`."""
        now = (counters.snapshot(), exporting, state)
        if self._folder is None or now == self._last or (self._last is not None and self._last[2] == "ended"):
            return
        self._last = now
        try:
            self._write(self._folder, "\n".join((*self._lines(exporting, state, now[0]), "")))
            if state == "ended":
                _prune(self._folder)
        except (OSError, ValueError) as error:
            self._folder = None
            LOGGER.debug("What the agent does can't be written for `weftline-agent status`. error=%r", error)

    def _lines(self, exporting: Exporting, state: str, counts: Counts) -> Iterator[str]:
        facts = {
            "pid": os.getpid(),
            "born": born("self"),
            "state": state,
            "started": self._started,
            "written": time.time(),
            **self._about,
            **{name: getattr(exporting, name) for name in Exporting.__slots__},
        }
        facts["error_url"] = http_attributes.url(exporting.error_url).partition("?")[0]
        yield from (f"{name}\t{_line(value)}" for name, value in facts.items())
        yield from (f"count\t{name}\t{_line(reason)}\t{amount}" for (name, reason), amount in sorted(counts.items()))

    @staticmethod
    def _write(folder: Path, text: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.lstat()
        if hasattr(os, "geteuid") and (about.st_uid != os.geteuid() or about.st_mode & _OTHERS_MAY_WRITE):
            raise PermissionError(f"{folder} is not this user's own")
        path = folder / f"{os.getpid()}{SUFFIX}"
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(text)
        fresh.replace(path)


def program(arguments: list[str]) -> str:
    """What runs, without its arguments, which may be secrets: a script's or module's name, `-c`, or `python`."""
    rest = iter(arguments[1:])
    for argument in rest:
        if argument == "-m":
            return next(rest, "-m")
        if argument in ("-W", "-X", "--check-hash-based-pycs"):
            next(rest, None)
        elif argument in ("-c", "-"):
            return f"python {argument}"
        elif not argument.startswith("-"):
            return Path(argument).name
    return "python"


def _line(value: object) -> str:
    return " ".join(str(value).split())


def _prune(folder: Path) -> None:
    """Takes away the oldest files of processes that are gone."""
    paths = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in paths[_KEPT:]:
        if not born(path.stem):
            path.unlink(missing_ok=True)
