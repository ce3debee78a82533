"""What `weftline up` and `weftline demo` show while parts start, and the lines they print afterwards."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from .supervise import State


class Display:
    """A `Report`: a row with a spinner per part while used as a context manager, plain sentences otherwise."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._rows: dict[str, TaskID] = {}
        self._live = False

    def __enter__(self) -> Self:
        self._progress.start()
        self._live = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live = False
        self._progress.stop()

    def __call__(self, name: str, state: State, sentence: str) -> None:
        if self._live:
            if name not in self._rows:
                self._rows[name] = self._progress.add_task(name, total=1)
            if state is State.READY:
                self._progress.update(self._rows[name], completed=1)
            elif state is State.LEFT_OUT:
                self._progress.update(self._rows[name], completed=1, description=f"{name} (left out)")
        if sentence:
            style = "" if state is State.READY else "yellow"
            # markup=False: a log excerpt may hold square brackets
            self._console.print(sentence, style=style, highlight=False, markup=False)
