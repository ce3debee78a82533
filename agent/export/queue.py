"""What waits for the export thread: bounded, and when it is full the newest is dropped and counted."""

import collections
from typing import Generic, TypeVar

from weftline.agent import counters

T = TypeVar("T")


class Queue(Generic[T]):
    """A bounded first-in-first-out queue of one signal (`spans` or `logs`). Putting takes no lock."""

    def __init__(self, signal: str, size: int) -> None:
        self.signal = signal
        self._size = size
        self._items: collections.deque[T] = collections.deque()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> int:
        """How many wait now, `item` with them; 0 when it was dropped."""
        waiting = len(self._items)
        if waiting >= self._size:
            self.drop("queue full")
            return 0
        self._items.append(item)
        return waiting + 1

    def take(self, most: int) -> list[T]:
        """The oldest items, `most` at the most; empty when nothing waits."""
        items: list[T] = []
        try:
            while len(items) < most:
                items.append(self._items.popleft())
        except IndexError:
            pass
        return items

    def drop(self, reason: str, amount: int = 1) -> None:
        """Counts items of this signal as lost."""
        counters.count(f"dropped_{self.signal}", reason, amount)

    def clear(self) -> None:
        """Forgets everything: in a forked child it is the parent's to send."""
        self._items.clear()
