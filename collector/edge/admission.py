"""Decides whether the edge can take a request: how much is accepted and not yet durable, and how much a sender sends.

Asked before a body is read, so that senders are told to come back while there is still memory.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from weftline.collector.errors import TryLater


class OverCapacity(TryLater):
    """This process has as much as it takes: HTTP 429, gRPC RESOURCE_EXHAUSTED. Nothing is wrong behind it."""


class Hold:
    """The bytes that one request holds."""

    def __init__(self, admission: "Admission") -> None:
        self._admission = admission
        self.size = 0

    def grow(self, size: int) -> None:
        """Hold ``size`` bytes in total, if it isn't more already; raises `OverCapacity` when they don't fit."""
        if size > self.size:
            self._admission.change(self.size, size)
            self.size = size


class Admission:
    """Counts the bytes under way. Used from one event loop."""

    def __init__(self, max_pending_bytes: int) -> None:
        self._max = max_pending_bytes
        self._pending = 0

    @contextmanager
    def hold(self) -> Iterator[Hold]:
        """A hold of nothing yet; what it has grown to is let go when the block ends."""
        hold = Hold(self)
        try:
            yield hold
        finally:
            self._pending -= hold.size

    def change(self, old: int, new: int) -> None:
        """Raises `OverCapacity` unless the other requests leave room; one alone may be larger than the limit."""
        others = self._pending - old
        if others and others + new > self._max:
            raise OverCapacity(f"{others} bytes are waiting to be stored, the limit is {self._max}.")
        self._pending += new - old


class RateLimit:
    """Bytes a second, for each sender by itself, so that one that runs wild leaves the others alone. 0: no limit.

    A sender may be ahead by one second's bytes, or by a single larger request; what it took too much of it waits for.
    """

    SENDERS = 10_000
    """As many are remembered; one that is forgotten begins anew."""

    def __init__(self, bytes_per_second: int, clock: Callable[[], float]) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._senders: OrderedDict[str, tuple[float, float]] = OrderedDict()  # bytes left, when that was so

    def check(self, sender: str) -> None:
        """Raises `OverCapacity` if the sender has used up what it may send, with the seconds until it may again."""
        if self._rate and (left := self._left(sender)) <= 0:
            raise OverCapacity(
                f"{sender} sends more than {self._rate} bytes a second.", seconds=1 + int(-left / self._rate)
            )

    def charge(self, sender: str, size: int) -> None:
        """Count ``size`` bytes that the sender sent."""
        if not self._rate:
            return
        self._senders[sender] = (self._left(sender) - size, self._clock())
        self._senders.move_to_end(sender)
        if len(self._senders) > self.SENDERS:
            self._senders.popitem(last=False)

    def _left(self, sender: str) -> float:
        left, when = self._senders.get(sender, (float(self._rate), 0.0))
        return min(float(self._rate), left + (self._clock() - when) * self._rate)
