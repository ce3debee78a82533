"""A look-up of a transaction of few rows, which nearly all are: one query for everything that its ID says.

rows of all kinds, and what is related ──► the related rows, where there are any ──► `Few`

Each query costs ClickHouse milliseconds before it reads anything: to parse and plan it, and for every column of its
answer. So a transaction is asked for at once, and what is decided about few rows is decided here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from weftline.collector.store import lines, statements
from weftline.collector.store.clickhouse_connections import ClickHouseConnections
from weftline.collector.store.protocol import AccessLogRow, Few, Row

MOST: Final = 1000
"""Rows of one kind; a transaction of more is read in blocks."""
_OWN: Final = {
    **dict.fromkeys(("few_spans", "few_logs", "few_access_logs"), statements.OF_ONE),
    "few_records": statements.OF_RECORDS,
    "few_aliases": "",
}
_OF_TRACES: Final = dict.fromkeys(("few_spans", "few_logs"), statements.OF_SEVERAL)
_OF_RECORDS: Final = {"few_access_logs": statements.OF_SEVERAL}
"""Queries, and of which transactions each is."""
_NOT_MORE_THAN: Final = MOST + 1
"""Asked for: one more than allowed tells that there are more."""


@dataclass(slots=True)
class _Found:
    rows: list[Row]
    records: list[str]
    """ids under which this transaction's records lie, too"""
    aliased: list[str]


def few(connections: ClickHouseConnections, transaction_id: str) -> Few | None:
    """See `Reader.few`."""
    first = _ask(connections, transaction_id, _OWN, [])
    if first is None:
        return None
    rows = first.rows
    known = {transaction_id, ""}
    traces = sorted({row.trace_id for row in rows if isinstance(row, AccessLogRow)} - known)
    for queries, ids in ((_OF_TRACES, traces), (_OF_RECORDS, first.records)):
        if ids:
            more = _ask(connections, transaction_id, queries, ids)
            if more is None:
                return None
            rows += more.rows
    return Few(sorted(_once(transaction_id, rows), key=lambda row: row.time), first.aliased)


def _ask(
    connections: ClickHouseConnections, transaction_id: str, queries: Mapping[str, str], ids: Sequence[str]
) -> _Found | None:
    """None where there are more rows of one kind than `MOST`."""
    sql = " UNION ALL ".join(statements.read(name, of) for name, of in queries.items())
    parameters = {"id": transaction_id, "ids": list(ids), "most": _NOT_MORE_THAN}
    by_kind: dict[str, list[bytes]] = {}
    for kind, line in connections.lines(sql, parameters):
        by_kind.setdefault(kind.decode(), []).append(line)
    records = [id_.decode() for id_ in by_kind.pop("record", ())]
    aliased = [id_.decode() for id_ in by_kind.pop("alias", ()) if id_.decode() != transaction_id]
    if any(len(found) > MOST for found in by_kind.values()):
        return None
    return _Found([row for kind, found in by_kind.items() for row in lines.DECODE[kind](found)], records, aliased)


def _once(transaction_id: str, rows: Sequence[Row]) -> list[Row]:
    """Of the records of one request (attempt, connection) the fullest: as `read/access_logs.sql` does it."""
    others: list[Row] = []
    records: dict[object, tuple[tuple[bool, bool, bool, int], AccessLogRow]] = {}
    for row in rows:
        if not isinstance(row, AccessLogRow):
            others.append(row)
            continue
        key: object = row.record_id
        if key == "0":  # older than record_id
            key = (row.time, row.span_id, row.upstream_span_id, row.stream_id, row.log_type)
        rank = (row.kind == "start", row.kind == "interim", row.transaction_id != transaction_id, -row.duration)
        if key not in records or rank < records[key][0]:
            records[key] = (rank, row)
    return others + [row for _, row in records.values()]
