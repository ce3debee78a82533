"""What is kept of Envoys' stats, and who keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProxyStatRow:
    """One stat of one proxy at one look. Times are milliseconds since the epoch."""

    time: int
    since: int
    """the look before"""
    node_id: str
    service: str
    target: str
    stat: str
    """Envoy's name without `envoy_`"""
    scope: str
    """cluster, connection manager or listener; '' for the process"""
    worker: str
    value: float
    increase: float
    """of a counter since the look before; 0 for a gauge"""


class ProxyStatsStore(Protocol):
    """Blocking. Raises `TryLater` when the store is away."""

    def insert(self, rows: Sequence[ProxyStatRow], token: str) -> None:
        """Store every row or none; returns when they and those of the views are durable. A ``token`` stores once."""

    def latest(self, since: int) -> Sequence[ProxyStatRow]:
        """The newest row of each stat of each proxy that was looked at since then (ms)."""

    def check(self) -> None:
        """Raise `TryLater` unless the store answers now."""
