"""How far long work came: bars with rate and time left on a terminal, plain lines elsewhere; both on standard error."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

EVERY: Final = 10.0
"""Seconds between plain lines."""


class Steps(Protocol):
    """One piece of long work after the other. ``rows`` are those done so far, in all pieces."""

    def begin(self, what: str, total: int | None) -> None:
        """``total`` in whatever unit ``at`` will be; None: not known."""

    def show(self, at: int, rows: int) -> None: ...

    def say(self, line: str) -> None:
        """A line that stays."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        rows, elapsed = int(task.fields["rows"]), task.elapsed or 0.0
        return Text(f"{rows:,} rows" + (f"  {rows / elapsed:,.0f}/s" if elapsed > 1 else ""))


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None, rows=0)

    def begin(self, what: str, total: int | None) -> None:
        self._progress.update(self._task, description=what, total=total, completed=0)

    def show(self, at: int, rows: int) -> None:
        self._progress.update(self._task, completed=at, rows=rows)

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Lines:
    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began = self._said = monotonic()
        self._what, self._total = "", 0

    def begin(self, what: str, total: int | None) -> None:
        self._what, self._total = what, total or 0

    def show(self, at: int, rows: int) -> None:
        now = self._monotonic()
        if now - self._said >= EVERY:
            self._said = now
            part = f"{min(at / self._total, 1):.0%}, " if self._total else ""
            self.say(f"{self._what}: {part}{rows:,} rows, {rows / (now - self._began):,.0f}/s")

    def say(self, line: str) -> None:
        click.echo(line, err=True)


@contextmanager
def steps() -> Iterator[Steps]:
    """Bars where standard error is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(time.monotonic)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bars(progress)
