"""What was told of each stream, kept for a while after its connection ended: whoever comes back goes on behind it.

An event's id names its stream, its number in it, and when it was told (ns since the epoch); number 0 is the stream's
beginning, for whoever is cut off before anything was told. Where the stream isn't known any more (another process, too
long ago, too much was told since), a new one begins at that time: then what was told shortly before may be told again,
and nothing is lost.
"""

import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

ID: Final = re.compile(r"([0-9a-f]{16})-([0-9]{1,9})-([0-9]{1,19})")
KEPT_EVENTS: Final = 1000
"""Of each stream, the last."""
KEPT_STREAMS: Final = 64
"""Without a connection."""
KEPT_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class News:
    """One event for the client; ``data`` is JSON."""

    event: str
    data: str


MISSED: Final = News("missed", "{}")
"""There was more than is told."""


class Told(NamedTuple):
    """An event with its number, from 1 on, and when it was told first, in ns."""

    number: int
    time: int
    news: News


Poll = Callable[[], Iterable[News]]
"""What is new since it was called last. It blocks; what it yields before it fails counts as told."""


class Stream:
    """One thing that is followed, by one connection after another. `news` is called on threads of its own."""

    def __init__(self, about: str, poll: Poll, began: int, left: float) -> None:
        self.name = secrets.token_hex(8)
        self.about = about
        self.began = began
        """ns since the epoch: what came before isn't told"""
        self.left: float | None = left
        """since when it has no connection; None while it has one"""
        self._poll = poll
        self._number = 0
        self._turn = 0
        self._kept: deque[Told] = deque(maxlen=KEPT_EVENTS)
        self._lock = threading.Lock()

    def turn(self) -> int:
        """A connection begins: the one before, which may not have noticed that nobody listens any more, has had its
        turn."""
        self.left = None
        self._turn += 1
        return self._turn

    def has(self, turn: int) -> bool:
        return turn == self._turn

    def knows(self, number: int) -> bool:
        """Whether everything behind the event ``number`` is kept."""
        return (self._kept[0].number - 1 if self._kept else 0) <= number <= self._number

    def news(self, turn: int, told: int) -> Sequence[Told]:
        """What was told behind the event ``told``, to a connection that ended, and what is new. Raises what ``poll``
        raises, unless there is something to tell."""
        with self._lock:
            if turn != self._turn:
                return []
            found = [one for one in self._kept if one.number > told]
            if found and found[0].number > told + 1:
                found.insert(0, Told(found[0].number - 1, found[0].time, MISSED))
            try:
                for one in self._poll():
                    self._number += 1
                    last = Told(self._number, time.time_ns(), one)
                    self._kept.append(last)
                    found.append(last)
            except Exception:
                if not found:
                    raise
            return found


class Streams:
    """All of one process. ``monotonic`` in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._streams: dict[str, Stream] = {}
        self._lock = threading.Lock()

    def take(self, about: str, last: str, begin: Callable[[int | None], Poll]) -> tuple[Stream, int]:
        """The stream that goes on behind the event whose id is ``last``, and that event's number; else a new one.

        ``about`` names who asks and what for: nobody goes on with another's stream.
        """
        found = ID.fullmatch(last)
        with self._lock:
            self._forget()
            if found and (known := self._streams.get(found[1])):
                number = int(found[2])
                if known.about == about and known.knows(number):
                    return known, number
            since = int(found[3]) if found else None
            began = time.time_ns() if since is None else since
            stream = Stream(about, begin(since), began, self._monotonic())
            self._streams[stream.name] = stream
            return stream, 0

    def leave(self, stream: Stream, turn: int) -> None:
        """The connection of that turn has ended."""
        with self._lock:
            if stream.has(turn):
                stream.left = self._monotonic()
            self._forget()

    def _forget(self) -> None:
        now = self._monotonic()
        idle = sorted((it.left, name) for name, it in self._streams.items() if it.left is not None)
        for number, (left, name) in enumerate(reversed(idle)):
            if number >= KEPT_STREAMS or now - left > KEPT_SECONDS:
                del self._streams[name]


def spelt(stream: Stream, number: int, when: int) -> str:
    """An event's id."""
    return f"{stream.name}-{number}-{when}"
