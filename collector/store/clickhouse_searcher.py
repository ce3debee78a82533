"""`Searcher` over ClickHouse's native port."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import ClickHouseConnections, read_only
from weftline.collector.store.conditions import Condition
from weftline.collector.store.searcher import FACETS, Facet, Hit, Place, Window
from weftline.collector.store.tenants import Ask, nobody_in_particular
from weftline.collector.store.where import LATER, where

ROWS_LATER: Final = 3_600_000_000_000
"""How much later than its transaction's beginning a row may lie and still be found at the end of a window, in ns."""
LAST: Final = Place(2**63 - 1, "f" * 32)
MOST_GOING_ON: Final = 1000
"""Transactions that go on after a window and are asked for by ids; of more, everything that comes later is read."""
EXCESS: Final = 20
"""Transactions chosen for a page beyond its limit, at first."""
MAX_BYTES_IN_SET: Final = 1 << 30
MAX_MEMORY: Final = 4 << 30


class ClickHouseSearcher:
    """See `Searcher` for what it owes. Queries only read (`read_only`)."""

    def __init__(self, settings: ClickHouseSettings, ask: Ask = nobody_in_particular) -> None:
        self._connections = ClickHouseConnections(settings, ask)

    def search(
        self, condition: Condition, window: Window, before: Place | None, limit: int, seconds: float
    ) -> Sequence[Hit]:
        last = before or LAST
        excess = EXCESS
        while True:
            chosen = [
                Hit(*row)
                for row in self._query("search", condition, window, seconds, before=last, limit=limit, excess=excess)
            ]
            hits = [hit for hit in chosen if _is_of(hit, window, last)]
            if len(hits) >= limit or len(chosen) < limit + excess:
                return hits[:limit]
            excess *= EXCESS  # those that only seemed to begin here have pushed out others

    def facets(self, condition: Condition, window: Window, limit: int, seconds: float) -> Sequence[Facet]:
        found = [
            Facet(*row) for row in self._query("search_facets", condition, window, seconds, before=LAST, limit=limit)
        ]
        return sorted(found, key=_place_of)

    def close(self) -> None:
        """Let go of idle connections. Calls after it still work; they connect anew."""
        self._connections.close()

    def _query(
        self,
        name: str,
        condition: Condition,
        window: Window,
        seconds: float,
        *,
        before: Place,
        limit: int,
        excess: int = EXCESS,
    ) -> list[tuple[Any, ...]]:
        sql, values = where(condition)
        values |= {
            "before": before.start,
            "before_id": before.transaction_id,
            "limit": limit,
            "excess": excess,
            "since": window.since,
            "until": window.until,
            "rows_until": window.until,
        }
        bounded = {
            **read_only(seconds, MAX_MEMORY),
            "max_bytes_in_set": MAX_BYTES_IN_SET,
            "set_overflow_mode": "throw",
        }
        later = self._later(window, values, bounded) if LATER in sql else ""
        statement = statements.read(name).replace("$CONDITION", sql).replace(LATER, later)
        return self._connections.execute(statement, values, bounded)

    def _later(self, window: Window, values: dict[str, Any], bounded: Mapping[str, Any]) -> str:
        """The part of a condition for rows that come after the window, and ``values`` of its placeholders."""
        later = min(window.until + ROWS_LATER, LAST.start)
        asked = {"since": window.since, "until": window.until, "later": later, "limit": MOST_GOING_ON + 1}
        going_on = [id_ for (id_,) in self._connections.execute(statements.read("search_going_on"), asked, bounded)]
        if len(going_on) > MOST_GOING_ON:
            values["rows_until"] = later
        elif going_on:
            values |= {"later": later, "ids": going_on}
            return statements.read("search_later", statements.OF_SEVERAL).rstrip()
        return ""


def _is_of(hit: Hit, window: Window, before: Place) -> bool:
    inside = window.since <= hit.start <= window.until
    return inside and (hit.start, hit.transaction_id) < (before.start, before.transaction_id)


def _place_of(facet: Facet) -> tuple[int, int, str]:
    size = int(facet.value) if facet.name == "duration" else -facet.transactions
    return FACETS.index(facet.name), size, facet.value
