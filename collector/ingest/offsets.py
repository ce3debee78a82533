"""Which offsets make one insert, so that a crash at any point neither loses nor doubles a row. Pure.

Before the insert the range is fixed: committed as metadata of the offset it begins at. The insert's token is made
of the range. After the insert the next offset is committed, without metadata. Whoever takes over after a crash
finds the metadata and inserts exactly the same range with the same token, and ClickHouse leaves out what it has.
"""

import itertools
import re
from dataclasses import dataclass, field
from typing import NamedTuple


class Range(NamedTuple):
    """Offsets that a predecessor fixed, both ends included."""

    first: int
    last: int


@dataclass(slots=True)
class Batch:
    """Messages of one partition, in order of their offsets."""

    topic: str
    partition: int
    offsets: list[int] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    tenants: list[str] = field(default_factory=list)
    """whose rows each message makes"""
    fixed: Range | None = None
    """Set where a predecessor fixed it: Kafka may have deleted the first of its messages since, the token stays."""

    @property
    def first(self) -> int:
        return self.fixed.first if self.fixed else self.offsets[0]

    @property
    def last(self) -> int:
        return self.fixed.last if self.fixed else self.offsets[-1]

    @property
    def token(self) -> str:
        return f"{self.topic}-{self.partition}-{self.first}-{self.last}"


def fixed_range(last: int) -> str:
    """Commit metadata that fixes a range up to and including ``last``."""
    return f"weftline:last={last}"


def parse_fixed_range(metadata: str | None) -> int | None:
    """The last offset of a fixed range, or None where the metadata fixes none."""
    match = re.fullmatch(r"weftline:last=(\d+)", metadata or "")
    return int(match[1]) if match else None


class PartitionBuffer:
    """Collects one partition's messages until a batch is due. Times are seconds of one clock, sizes bytes.

    ``fixed``: the range that a predecessor fixed; the messages begin with it.
    """

    def __init__(
        self, topic: str, partition: int, *, batch_bytes: int, batch_seconds: float, fixed: Range | None
    ) -> None:
        self._batch = Batch(topic, partition)
        self._batch_bytes = batch_bytes
        self._batch_seconds = batch_seconds
        self._fixed = fixed
        self._bytes = 0
        self._since = 0.0

    @property
    def full(self) -> bool:
        """True when it should be fed no more before a batch was taken."""
        whole = self._fixed is None or (self._batch.offsets and self._batch.offsets[-1] >= self._fixed.last)
        return bool(whole) and self._bytes >= self._batch_bytes

    def add(self, offset: int, message: bytes, now: float, tenant: str = "") -> None:
        if not self._batch.offsets:
            self._since = now
        self._batch.offsets.append(offset)
        self._batch.messages.append(message)
        self._batch.tenants.append(tenant)
        self._bytes += len(message)

    def take(self, now: float, *, all_of_it: bool = False) -> Batch | None:
        """The batch that is due, or None. What is left over begins the next one.

        A range that a predecessor fixed is waited for and taken exactly as it was. ``all_of_it``: due whatever its age
        and size (before the partition is given up).
        """
        batch = self._batch
        if not batch.offsets:
            return None
        fixed, self._fixed = self._fixed, None
        if fixed is not None:
            if batch.offsets[-1] < fixed.last:
                self._fixed = fixed
                return None
            count = sum(offset <= fixed.last for offset in batch.offsets)
            if count == 0:  # the whole range was deleted from the topic meanwhile
                return None
        elif self.full or all_of_it or now - self._since >= self._batch_seconds:
            count = self._fitting()
        else:
            return None
        left, taken = slice(count, None), slice(None, count)
        self._batch = _part(batch, left)
        self._bytes = sum(map(len, self._batch.messages))
        self._since = now
        return _part(batch, taken, fixed)

    def _fitting(self) -> int:
        """How many messages fill a batch: a poll after a standstill brings many times as much."""
        sizes = itertools.accumulate(map(len, self._batch.messages))
        return min(len(self._batch.messages), sum(size < self._batch_bytes for size in sizes) + 1)


def _part(of: Batch, part: slice, fixed: Range | None = None) -> Batch:
    return Batch(of.topic, of.partition, of.offsets[part], of.messages[part], of.tenants[part], fixed)
