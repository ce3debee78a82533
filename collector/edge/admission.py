"""Decides whether the edge can take a request: how much is accepted and not yet durable."""

from collections.abc import Iterator
from contextlib import contextmanager

from weftline.collector.errors import TryLater


class Admission:
    """Counts the bytes under way. Used from one event loop."""

    def __init__(self, max_pending_bytes: int) -> None:
        self._max = max_pending_bytes
        self._pending = 0

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """Holds ``size`` bytes while the block runs; raises `TryLater` when they don't fit."""
        if self._pending and self._pending + size > self._max:
            raise TryLater(f"{self._pending} bytes are waiting to be stored, the limit is {self._max}.")
        self._pending += size
        try:
            yield
        finally:
            self._pending -= size
