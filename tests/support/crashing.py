"""A store in memory that does as ClickHouse does, and crashes at the step it is told to; fakes, so that every step can be one."""

from collections.abc import Callable, Collection, Sequence

from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.store.protocol import Begun, Signal


class Crashes:
    """Raises `TryLater` at the step numbered ``at``, before it is done or after."""

    def __init__(self, at: int = 0, *, after: bool = False) -> None:
        self.at = at
        self.after = after
        self.steps = 0

    def step(self, do: Callable[[], object]) -> None:
        self.steps += 1
        if self.steps == self.at and not self.after:
            raise TryLater("crashed before")
        do()
        if self.steps == self.at:
            raise TryLater("crashed after")


class CrashingWriter:
    """All messages or none, in a table and in a view one after the other; a token wins over its data."""

    def __init__(self, crashes: Crashes) -> None:
        self.table: dict[str, list[bytes]] = {}
        self.view: dict[str, list[bytes]] = {}
        self.remembered: dict[bytes, str] = {}
        self._crashes = crashes

    def insert(self, signal: Signal, messages: Sequence[bytes], token: str, tenant: str = "") -> None:
        if any(message.startswith(b"bad") for message in messages):
            raise BadMessage("bad")
        self._crashes.step(lambda: self.table.setdefault(token, list(messages)))
        self._crashes.step(lambda: self.view.setdefault(token, list(messages)))

    def stored(self, hashes: Collection[bytes], token: str) -> set[bytes]:
        return {it for it in hashes if self.remembered.get(it, token) != token}

    def remember(self, hashes: Sequence[bytes], token: str) -> None:
        self._crashes.step(lambda: [self.remembered.setdefault(it, token) for it in hashes])

    def check(self) -> None: ...

    def close(self) -> None: ...

    @property
    def rows(self) -> tuple[list[bytes], list[bytes]]:
        """Those of the table and of the view, sorted."""
        of_table, of_view = (
            sorted(message for messages in it.values() for message in messages if message)
            for it in (self.table, self.view)
        )
        return of_table, of_view


class CrashingJournal:
    """Groups in the order in which they were begun."""

    def __init__(self, crashes: Crashes) -> None:
        self.groups: dict[str, tuple[Signal, Sequence[bytes], Sequence[bytes]]] = {}
        self._crashes = crashes

    def begin(
        self, token: str, signal: Signal, hashes: Sequence[bytes], messages: Sequence[bytes], tenant: str = ""
    ) -> None:
        self._crashes.step(lambda: self.groups.setdefault(token, (signal, hashes, messages)))

    def begun(self) -> list[Begun]:
        return [
            Begun(token, signal, number, 1.0, frozenset(hashes))
            for number, (token, (signal, hashes, _)) in enumerate(self.groups.items())
        ]

    def messages(self, token: str) -> Sequence[bytes]:
        return self.groups[token][2] if token in self.groups else []

    def end(self, token: str) -> None:
        self._crashes.step(lambda: self.groups.pop(token, None))
