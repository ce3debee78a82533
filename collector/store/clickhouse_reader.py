"""`Reader` over ClickHouse's native port."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import ClickHouseConnections
from weftline.collector.store.clickhouse_mesh import ClickHouseMesh
from weftline.collector.store.clickhouse_red import ClickHouseRed
from weftline.collector.store.protocol import (
    AccessLogRow,
    LogRow,
    Operation,
    Row,
    SpanEvent,
    SpanLink,
    SpanOutline,
    SpanRow,
)
from weftline.collector.store.tenants import Ask, nobody_in_particular

_NO_SPAN = "0" * 16
_NO_TRACE = "0" * 32


class ClickHouseReader(ClickHouseMesh, ClickHouseRed):
    """See `Reader` for what it owes."""

    def __init__(self, settings: ClickHouseSettings, ask: Ask = nobody_in_particular) -> None:
        self._connections = ClickHouseConnections(settings, ask)

    def resolve(self, any_id: str) -> Sequence[str]:
        return [row[0] for row in self._query("resolve", id=any_id)]

    def transaction(self, transaction_id: str, limit: int) -> Sequence[Row]:
        rows: list[Row] = []
        for name, build in _BUILD.items():
            rows += [build(row) for row in self._query(name, id=transaction_id, limit=limit)]
        rows.sort(key=lambda row: row.time)
        return rows[:limit]

    def transaction_blocks(self, transaction_id: str, limit: int) -> Generator[Sequence[Row], None, None]:
        for name, build in _BUILD.items():
            parameters = {"id": transaction_id, "limit": limit}
            for block in self._connections.blocks(statements.read(name), parameters):
                yield [build(row) for row in block]

    def logs(self, transaction_id: str, limit: int) -> Sequence[LogRow | AccessLogRow]:
        rows: list[LogRow | AccessLogRow] = [_log(row) for row in self._query("logs", id=transaction_id, limit=limit)]
        rows += [_access_log(row) for row in self._query("access_logs", id=transaction_id, limit=limit)]
        rows.sort(key=lambda row: row.time)
        return rows[:limit]

    def spans(self, trace_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[SpanRow]]:
        found: dict[str, list[SpanRow]] = {}
        if trace_ids:
            for row in self._query("spans_of", ids=list(trace_ids), limit=limit):
                found.setdefault(row[0], []).append(_span(row))
        return found

    def span_outlines(self, trace_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[SpanOutline]]:
        found: dict[str, list[SpanOutline]] = {}
        rows = self._query("span_outlines", ids=list(trace_ids), limit=limit) if trace_ids else ()
        for trace_id, span_id, parent, time, duration, service, name, error in rows:
            outline = SpanOutline(trace_id, span_id, _id(parent), time, duration, service, name, bool(error))
            found.setdefault(trace_id, []).append(outline)
        return found

    def records_of(self, transaction_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[LogRow | AccessLogRow]]:
        found: dict[str, list[LogRow | AccessLogRow]] = {}
        if not transaction_ids:
            return found
        ids = list(transaction_ids)
        for log in map(_log, self._query("logs_of", ids=ids, limit=limit)):
            found.setdefault(log.transaction_id, []).append(log)
        for record in map(_access_log, self._query("access_logs_of", ids=ids, limit=limit)):
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

    def _query(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._connections.execute(statements.read(name), parameters)


def _id(text: str, none: str = _NO_SPAN) -> str:
    return "" if text == none else text


def _span(row: tuple[Any, ...]) -> SpanRow:
    *plain, event_times, event_names, event_attributes, link_traces, link_spans, link_attributes, types = row
    transaction_id, span_id, parent_span_id, *rest = plain
    events = [SpanEvent(*event) for event in zip(event_times, event_names, event_attributes, strict=True)]
    links = [SpanLink(*link) for link in zip(link_traces, link_spans, link_attributes, strict=True)]
    fields: list[Any] = [transaction_id, span_id, _id(parent_span_id), *rest, events, links, types]
    return SpanRow(*fields)


def _log(row: tuple[Any, ...]) -> LogRow:
    transaction_id, span_id, *rest = row
    return LogRow(transaction_id, _id(span_id), *rest)


def _access_log(row: tuple[Any, ...]) -> AccessLogRow:
    transaction_id, trace_id, span_id, parent, upstream, *rest = row
    return AccessLogRow(transaction_id, _id(trace_id, _NO_TRACE), _id(span_id), _id(parent), _id(upstream), *rest)


# Query name -> row of its columns, which are the dataclass's fields in order.
_BUILD: dict[str, Callable[[tuple[Any, ...]], Row]] = {
    "spans": _span,
    "logs": _log,
    "access_logs": _access_log,
}
