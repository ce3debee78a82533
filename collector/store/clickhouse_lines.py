"""`Reader.lines` over ClickHouse's native port: the filter is ClickHouse's work, what passes comes by time."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from weftline.collector.store import lines, statements
from weftline.collector.store.clickhouse_connections import ClickHouseConnections, read_only
from weftline.collector.store.event_kinds import DETAILS
from weftline.collector.store.line_filter import LineBounds, LineFilter
from weftline.collector.store.protocol import Line, Lines

MAX_MEMORY: Final = 2 << 30
"""Bytes: a record is wide, and of those that came twice one is chosen among all."""
_MILLISECOND: Final = 10**6
_LAST: Final = 2**63 - 1


class ClickHouseLines:
    """See `Reader` for what it owes; `ClickHouseReader` has its connections."""

    _connections: ClickHouseConnections

    def _linked(self, transaction_id: str) -> Mapping[str, Sequence[str]]:
        """Further ids of it, by kind: trace, record."""
        raise NotImplementedError

    def lines(self, transaction_id: str, wanted: LineFilter, limit: int, bounds: LineBounds) -> Lines:
        bounded = read_only(bounds.seconds, MAX_MEMORY)
        linked = self._linked(transaction_id)
        tables = {table: [transaction_id, *linked[other]] for table, other in _tables(wanted).items()}
        until = wanted.until
        for table, ids in tables.items():
            asked = {"ids": ids, "since": wanted.since, "until": until, "most": bounds.most}
            sql = statements.read("lines_until", statements.OF_SEVERAL).replace("$TABLE", table)
            for (time,) in self._connections.execute(sql, asked, bounded):
                # All of a nanosecond or nothing of it, so that whoever goes on behind it misses none.
                until = max(time - 1, wanted.since)
        parameters = _parameters(transaction_id, wanted, until, limit)
        found: list[Line] = []
        for table, ids in tables.items():
            sql = statements.read(f"lines_{table}", statements.OF_SEVERAL)
            rows = self._connections.lines(sql, {**parameters, "ids": ids}, bounded)
            found += _DECODE[table]([line for (line,) in rows])
        found.sort(key=lambda row: row.time)
        return Lines(found[:limit], until if until < wanted.until else None)


_DECODE: Final[Mapping[str, Any]] = {"logs": lines.logs, "access_logs": lines.access_logs}


def _tables(wanted: LineFilter) -> dict[str, str]:
    """Where lines may be → the kind of further ids under which the transaction has lines there."""
    tables = {"logs": "trace", "access_logs": "record"}
    if wanted.kinds and "log" not in wanted.kinds:
        del tables["logs"]
    if wanted.kinds and not {"access_log", "attempt"} & set(wanted.kinds):
        del tables["access_logs"]
    return tables


def _parameters(transaction_id: str, wanted: LineFilter, until: int, limit: int) -> dict[str, Any]:
    return {
        "id": transaction_id,
        "since": wanted.since,
        "until": until,
        # What one proxy says of one request has the same start to the millisecond.
        "about_since": max(wanted.since - _MILLISECOND, 0),
        "about_until": min(until + _MILLISECOND, _LAST),
        "services": list(wanted.services),
        "level": wanted.level,
        "text": wanted.text,
        "details": list(DETAILS),
        "attempts": int(not wanted.kinds or "attempt" in wanted.kinds),
        "requests": int(not wanted.kinds or "access_log" in wanted.kinds),
        "limit": limit,
    }
