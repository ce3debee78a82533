"""Writes down who looked up what: a line of JSON in a file, a row in ClickHouse, both or neither.

Never a token: headers are not looked at, and parameters that are named like one are left out.
"""

import dataclasses
import json
import logging
import queue
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from weftline.collector.errors import TryLater
from weftline.collector.store.lookups import LookUp

logger = logging.getLogger(__name__)

SECRETS: Final = frozenset({"access_token", "api_key", "apikey", "auth", "password", "secret", "token"})
WAITING: Final = 10_000
"""Look-ups that may wait for ClickHouse; later ones are missing from the table, and the log says so."""


class Audit(Protocol):
    """Takes a look-up once it is answered. Must not raise, nor keep its caller waiting for another machine."""

    def note(self, lookup: LookUp) -> None: ...


@dataclass(frozen=True, slots=True)
class Audits:
    """Several; none is fine."""

    all: Sequence[Audit] = ()

    def note(self, lookup: LookUp) -> None:
        for one in self.all:
            one.note(lookup)


class LineFile:
    """A line of JSON each. The file is opened for each line, so it may be moved away at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, lookup: LookUp) -> None:
        when = datetime.fromtimestamp(lookup.time / 1e9, UTC).isoformat(timespec="milliseconds")
        fields = {**dataclasses.asdict(lookup), "time": when.replace("+00:00", "Z")}
        try:
            with self._path.open("a", encoding="utf-8") as out:
                out.write(json.dumps(fields, ensure_ascii=False) + "\n")
        except OSError as error:
            logger.error("A look-up is missing from the audit log path=%s: %s", self._path, error.strerror)  # noqa: TRY400 - no stack is needed


class Table:
    """Rows in ClickHouse's table `lookups`, a second late, on a thread of its own. ``store`` may raise `TryLater`."""

    def __init__(self, store: Callable[[Sequence[LookUp]], None], *, every: float = 1.0) -> None:
        self._store = store
        self._every = every
        self._waiting: queue.Queue[LookUp] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def note(self, lookup: LookUp) -> None:
        try:
            self._waiting.put_nowait(lookup)
        except queue.Full:
            logger.error("A look-up is missing from the audit table: %d wait for ClickHouse.", WAITING)  # noqa: TRY400 - as above

    def close(self) -> None:
        """Returns when all is stored, or ClickHouse has refused once more."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        held: list[LookUp] = []
        while not self._stop.wait(self._every):
            held = self._flush(held)
        left = self._flush(held)
        if left:
            logger.error("Look-ups are missing from the audit table count=%d.", len(left))

    def _flush(self, held: list[LookUp]) -> list[LookUp]:
        """What still waits."""
        while len(held) < WAITING:
            try:
                held.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        if not held:
            return held
        try:
            self._store(held)
        except TryLater as error:
            logger.warning("Look-ups wait for the audit table count=%d: %s", len(held), error)
            return held
        return []


def shown(query: str) -> str:
    """A URL's query as it may be written down."""
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    if not any(name.lower() in SECRETS for name, _ in pairs):
        return query
    return urllib.parse.urlencode([(name, "[not stored]" if name.lower() in SECRETS else it) for name, it in pairs])


def now() -> tuple[int, float]:
    """ns since the epoch, and seconds of a clock that only goes forward."""
    return time.time_ns(), time.monotonic()
