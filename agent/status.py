"""`weftline-agent status`: what the agent of each process did, from the files that those write (`publish.py`)."""

import math
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from weftline.agent import publish

RUNNING: Final = "running"
STOPPED: Final = "the agent was stopped"
ENDED: Final = "ended"
KILLED: Final = "ended without its last words"
_TEXTS: Final = ("program", "service", "endpoint", "protocol", "python", "error", "error_url")


@dataclass(slots=True)
class Report:
    """One process's file. `counts` are by name and reason, as in `counters.py`; times are Unix seconds."""

    pid: int
    state: str
    program: str = ""
    service: str = ""
    endpoint: str = ""
    protocol: str = ""
    python: str = ""
    started: float = 0.0
    written: float = 0.0
    waiting_spans: int = 0
    waiting_logs: int = 0
    failing: bool = False
    error: str = ""
    error_url: str = ""
    error_time: float = 0.0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether the process is there, with or without a running agent."""
        return self.state in (RUNNING, STOPPED)

    def total(self, name: str) -> int:
        """One counter's sum over its reasons."""
        return sum(self.counts.get(name, {}).values())

    def made(self, signal: str) -> int:
        """Spans or log records that were recorded: sent, lost, or still here."""
        waiting: int = getattr(self, f"waiting_{signal}")
        return self.total(f"exported_{signal}") + self.total(f"dropped_{signal}") + waiting


def folders(chosen: str) -> list[Path]:
    """Where to look: the folder that was chosen, else those of all users who have one."""
    only = publish.folder(chosen)
    if chosen:
        return [] if only is None else [only]
    return sorted(publish.temporary().glob("weftline-agent-*"))


def read(places: Iterable[Path]) -> list[Report]:
    """The reports in these folders, newest process last. What can't be read or understood is passed over."""
    found = []
    for place in places:
        for path in place.glob(f"*{publish.SUFFIX}"):
            try:
                found.append(parse(path.read_text(encoding="utf-8", errors="replace")))
            except (OSError, ValueError, KeyError):
                continue
    return sorted(found, key=lambda report: report.started)


def parse(text: str) -> Report:
    """One file. Raises ValueError or KeyError for what isn't one."""
    facts: dict[str, str] = {}
    counts: dict[str, dict[str, int]] = {}
    for line in text.splitlines():
        name, *values = ("".join(filter(str.isprintable, part)) for part in line.split("\t"))
        if name == "count" and len(values) == 3:
            counts.setdefault(values[0], {})[values[1]] = int(values[2])
        elif len(values) == 1:
            facts[name] = values[0]
    pid = int(facts["pid"])
    known: dict[str, Any] = {name: facts.get(name, "") for name in _TEXTS}
    known |= {name: float(facts[name]) for name in ("started", "written", "error_time")}
    known |= {name: int(facts[name]) for name in ("waiting_spans", "waiting_logs")}
    state = _state(facts["state"], alive=_is_there(pid, facts["born"]))
    return Report(pid, state, failing=facts["failing"] == "True", counts=counts, **known)


def _is_there(pid: int, born: str) -> bool:
    if born:
        return publish.born(pid) == born
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _state(said: str, *, alive: bool) -> str:
    if said == RUNNING:
        return RUNNING if alive else KILLED
    return STOPPED if alive else ENDED


def chosen(reports: list[Report], pid: int | None, *, everything: bool) -> list[Report]:
    """Those to show: one process's, all, or the running ones; the last that ended if none runs."""
    if pid is not None:
        return [report for report in reports if report.pid == pid]
    running = [report for report in reports if report.running]
    return reports if everything else running or reports[-1:]


def plain(report: Report) -> dict[str, Any]:
    """A report as JSON has it."""
    return asdict(report)


def show(reports: Iterable[Report], out: TextIO, now: float | None = None) -> None:
    """Prints each report, a paragraph a process."""
    for index, report in enumerate(reports):
        print("\n".join((*([""] if index else []), *_lines(report, time.time() if now is None else now))), file=out)


def _lines(report: Report, now: float) -> Iterator[str]:
    age = f"began {_ago(now - report.started)}, this is as of {_ago(now - report.written)}"
    yield f"{report.program or 'python'}  pid={report.pid} service={report.service} python={report.python}"
    yield f"  {report.state}; {age}"
    if report.failing:
        since = _ago(now - report.error_time)
        yield f"  export    FAILING to {report.error_url or report.endpoint}: {report.error} ({since})"
    else:
        last = f"; last error: {report.error} ({_ago(now - report.error_time)})" if report.error else ""
        yield f"  export    {report.protocol} to {report.endpoint}{last}"
    for signal in ("spans", "logs"):
        dropped = report.counts.get(f"dropped_{signal}", {})
        lost = (
            f" ({', '.join(f'{reason}: {amount:,}' for reason, amount in sorted(dropped.items()))})" if dropped else ""
        )
        waiting: int = getattr(report, f"waiting_{signal}")
        yield (
            f"  {signal:<9} {report.made(signal):,} made, {report.total(f'exported_{signal}'):,} exported, "
            f"{waiting:,} waiting, {sum(dropped.values()):,} dropped{lost}"
        )
    by_library = Counter(re.split("[.:]", where)[0].lstrip("_") for where in report.counts.get("woven", {}))
    functions = ", ".join(f"{library} {amount}" for library, amount in sorted(by_library.items()))
    yield f"  woven     {by_library.total()} functions" + (f": {functions}" if functions else "")
    for name, title in _OTHERS.items():
        reasons = report.counts.get(name, {})
        yield from (
            f"  {title:<9} {reason}" + (f" ({amount:,})" if amount > 1 else "")
            for reason, amount in sorted(reasons.items())
        )


_OTHERS: Final = {
    "instrumented": "contrib",
    "skipped": "traced by",
    "refused": "left alone",
    "contained": "failed in",
    "dropped_batches": "lost batch",
}
"""Counters printed reason by reason, and the word before each."""


def _ago(seconds: float) -> str:
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{math.floor(seconds / unit)} {name} ago"
    return f"{max(0.0, seconds):.0f} s ago"
