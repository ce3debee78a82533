"""A look-up of a transaction of few rows, which nearly all are: two steps for everything that its ID says.

where its rows lie, and what is related ──► rows of all kinds ──► the related rows, where there are any ──► `Few`

Each query costs ClickHouse milliseconds before it reads anything: to parse and plan it, and for every table and column
in it. So all kinds of rows are asked for at once, in two halves, and what is decided about few rows is decided here.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from weftline.collector.store import lines, statements
from weftline.collector.store.clickhouse_connections import ClickHouseConnections
from weftline.collector.store.protocol import AccessLogRow, Few, Row

MOST: Final = 1000
"""Rows of one kind; a transaction of more is read in blocks."""
_Queries = Sequence[Sequence[str]]
_ROWS: Final[_Queries] = (("few_spans", "few_logs"), ("few_access_logs",))
"""What is asked of a transaction at the same time: about as much work each."""
_RELATED_TO_TRACES: Final[_Queries] = (("few_spans", "few_logs"),)
_RELATED_TO_RECORDS: Final[_Queries] = (("few_access_logs",),)
_NOT_MORE_THAN: Final = MOST + 1
"""Asked for: one more than allowed tells that there are more."""


def few(connections: ClickHouseConnections, transaction_id: str) -> Few | None:
    """See `Reader.few`."""
    found: dict[str, list[str]] = {"within": [], "record": [], "alias": []}
    for kind, line in connections.lines(statements.read("few_where"), {"id": transaction_id}):
        found[kind.decode()].append(line.decode())
    rows: list[Row] = []
    if found["within"]:
        first, last, most = map(int, found["within"][0].split())
        if most > MOST:
            return None
        of_one = {"id": transaction_id, "first": first, "last": last}
        own = _ask(connections, _ROWS, statements.OF_ONE, of_one)
        if own is None:
            return None
        rows += own
    known = {transaction_id, ""}
    traces = sorted({row.trace_id for row in rows if isinstance(row, AccessLogRow)} - known)
    for queries, ids in ((_RELATED_TO_TRACES, traces), (_RELATED_TO_RECORDS, found["record"])):
        if ids:
            more = _ask(connections, queries, statements.OF_SEVERAL, {"ids": ids})
            if more is None:
                return None
            rows += more
    aliased = [id_ for id_ in found["alias"] if id_ != transaction_id]
    return Few(sorted(_once(transaction_id, rows), key=lambda row: row.time), aliased)


def _ask(
    connections: ClickHouseConnections, queries: _Queries, of: str, parameters: Mapping[str, object]
) -> list[Row] | None:
    """None where there are more rows of one kind than `MOST`."""
    values = {**parameters, "most": _NOT_MORE_THAN}
    asked = [(" UNION ALL ".join(statements.read(name, of) for name in names), values) for names in queries]
    by_kind: dict[str, list[bytes]] = {}
    for answer in connections.lines_at_once(asked):
        for kind, line in answer:
            by_kind.setdefault(kind.decode(), []).append(line)
    if any(len(found) > MOST for found in by_kind.values()):
        return None
    return [row for kind, found in by_kind.items() for row in lines.DECODE[kind](found)]


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
