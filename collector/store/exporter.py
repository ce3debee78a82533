"""What an export takes out of the store, and what whoever reads it owes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

TABLES: Final = ("spans", "logs", "access_logs")


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of ``since`` <= time < ``until`` (ns since the epoch); an empty tuple leaves a field open."""

    since: int
    until: int
    ids: tuple[str, ...] = ()
    """transaction IDs, 32 hex digits"""
    services: tuple[str, ...] = ()


class Exporter(Protocol):
    """Blocking; raises `TryLater` when the store is away. Rows belong to the caller."""

    def resolve(self, any_id: str) -> Sequence[str]:
        """The transaction IDs under which rows of what ``any_id`` names are; empty if it is unknown."""

    def days(self, table: str, selection: Selection) -> Sequence[tuple[str, int]]:
        """(day, rows) of those that have any, oldest first; days as ``2026-11-22``, in UTC."""

    def rows(self, table: str, day: str, selection: Selection) -> Iterator[tuple[Any, ...]]:
        """The rows of a day in the order they are stored in, block by block; columns of `read/export_<table>.sql`.

        Text that is no UTF-8 is bytes.
        """
