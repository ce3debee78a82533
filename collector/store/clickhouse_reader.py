"""`Reader` over ClickHouse's native port."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final

from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import lines, statements
from weftline.collector.store.clickhouse_connections import ClickHouseConnections
from weftline.collector.store.clickhouse_lines import ClickHouseLines
from weftline.collector.store.clickhouse_mesh import ClickHouseMesh
from weftline.collector.store.clickhouse_red import ClickHouseRed
from weftline.collector.store.few import few
from weftline.collector.store.protocol import (
    AccessLogRow,
    Few,
    LogRow,
    Operation,
    Row,
    SpanOutline,
    SpanRow,
)
from weftline.collector.store.tenants import Ask, nobody_in_particular

_NO_SPAN: Final = "0" * 16


class ClickHouseReader(ClickHouseLines, ClickHouseMesh, ClickHouseRed):
    """See `Reader` for what it owes."""

    def __init__(self, settings: ClickHouseSettings, ask: Ask = nobody_in_particular) -> None:
        self._connections = ClickHouseConnections(settings, ask)

    def resolve(self, any_id: str) -> Sequence[str]:
        return [row[0] for row in self._query("resolve", id=any_id)]

    def few(self, transaction_id: str) -> Few | None:
        return few(self._connections, transaction_id)

    def transaction(self, transaction_id: str, limit: int) -> Sequence[Row]:
        if all_of_it := self.few(transaction_id):
            return all_of_it.rows[:limit]
        rows: list[Row] = []
        for block in self.transaction_blocks(transaction_id, limit):
            rows += block
        rows.sort(key=lambda row: row.time)
        return rows[:limit]

    def transaction_blocks(self, transaction_id: str, limit: int) -> Generator[Sequence[Row], None, None]:
        linked = self._linked(transaction_id)
        for name, (kind, other) in _KINDS.items():
            parameters = {"id": transaction_id, "ids": [transaction_id, *linked[other]], "limit": limit}
            for block in self._connections.blocks(statements.read(name, statements.OF_SEVERAL), parameters):
                yield lines.DECODE[kind]([line for (line,) in block])

    def logs(self, transaction_id: str, limit: int) -> Sequence[LogRow | AccessLogRow]:
        linked = self._linked(transaction_id)
        of_lines, of_records = ([transaction_id, *linked[other]] for other in ("trace", "record"))
        rows: list[LogRow | AccessLogRow] = list(lines.logs(self._lines("logs", ids=of_lines, limit=limit)))
        rows += lines.access_logs(self._lines("access_logs", id=transaction_id, ids=of_records, limit=limit))
        rows.sort(key=lambda row: row.time)
        return rows[:limit]

    def spans(self, trace_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[SpanRow]]:
        found: dict[str, list[SpanRow]] = {}
        if trace_ids:
            for span in lines.spans(self._lines("spans_of", ids=list(trace_ids), limit=limit)):
                found.setdefault(span.transaction_id, []).append(span)
        return found

    def span_outlines(self, trace_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[SpanOutline]]:
        found: dict[str, list[SpanOutline]] = {}
        rows = self._query("span_outlines", ids=list(trace_ids), limit=limit) if trace_ids else ()
        for trace_id, span_id, parent, time, duration, service, name, error in rows:
            outline = SpanOutline(
                trace_id, span_id, "" if parent == _NO_SPAN else parent, time, duration, service, name, bool(error)
            )
            found.setdefault(trace_id, []).append(outline)
        return found

    def records_of(self, transaction_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[LogRow | AccessLogRow]]:
        found: dict[str, list[LogRow | AccessLogRow]] = {}
        if not transaction_ids:
            return found
        ids = list(transaction_ids)
        for log in lines.logs(self._lines("logs_of", ids=ids, limit=limit)):
            found.setdefault(log.transaction_id, []).append(log)
        for record in lines.access_logs(self._lines("access_logs_of", ids=ids, limit=limit)):
            found.setdefault(record.transaction_id, []).append(record)
        return {one: sorted(rows, key=lambda row: row.time)[:limit] for one, rows in found.items()}

    def operations(self, service: str) -> Sequence[Operation]:
        return [Operation(*row) for row in self._query("operations", service=service)]

    def services(self) -> Sequence[str]:
        return [row[0] for row in self._query("services")]

    def check(self) -> None:
        # A table of ours, so that a server without our schema is not healthy.
        self._query("services")

    def close(self) -> None:
        self._connections.close()

    def _linked(self, transaction_id: str) -> Mapping[str, Sequence[str]]:
        """What else belongs to it, by kind: trace, record."""
        found: dict[str, list[str]] = {"trace": [], "record": []}
        for kind, id_ in self._query("linked", ids=[transaction_id]):
            found[kind].append(id_)
        return found

    def _query(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._connections.execute(statements.read(name, statements.OF_SEVERAL), parameters)

    def _lines(self, name: str, **parameters: Any) -> list[bytes]:
        sql = statements.read(name, statements.OF_SEVERAL)
        return [line for (line,) in self._connections.lines(sql, parameters)]


_KINDS: Final = {"spans": ("span", "trace"), "logs": ("log", "trace"), "access_logs": ("access_log", "record")}
"""Query of a transaction's rows → kind of its lines, and which linked ids have more of them."""
