"""`Reader` over ClickHouse's native port."""

import queue
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from clickhouse_driver import Client
from clickhouse_driver.errors import Error, ServerException

from weftline.collector.errors import TryLater
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.not_utf8 import holds_bytes, text
from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanEvent, SpanLink, SpanRow

_NO_SPAN = "0" * 16
_NO_TRACE = "0" * 32


def connect(settings: ClickHouseSettings, database: str | None = None) -> Client:
    """A client of the native port; it connects when it is first used."""
    return Client(
        host=settings.host,
        port=settings.tcp_port,
        database=settings.database if database is None else database,
        user=settings.user,
        password=settings.password,
        secure=settings.secure,
        connect_timeout=5,
        send_receive_timeout=settings.timeout,
        sync_request_timeout=5,
    )


@contextmanager
def executing(settings: ClickHouseSettings) -> Iterator[None]:
    """Turns the driver's errors into ours; a read has no data of its own that could be bad."""
    try:
        yield
    except ServerException as error:
        raise TryLater(f"ClickHouse refused with code={error.code}: {' '.join(error.message.split())[:500]}") from error
    except (Error, OSError, EOFError) as error:
        raise TryLater(f"ClickHouse at {settings.host}:{settings.tcp_port} does not answer: {error!r}") from error


class ClickHouseReader:
    """See `Reader` for what it owes. Idle connections are kept for the next caller, whatever thread it is on."""

    def __init__(self, settings: ClickHouseSettings, keep: int = 8) -> None:
        self._settings = settings
        self._idle: queue.LifoQueue[Client] = queue.LifoQueue(keep)

    def resolve(self, any_id: str) -> Sequence[str]:
        return [row[0] for row in self._query("resolve", id=any_id)]

    def transaction(self, transaction_id: str, limit: int) -> Sequence[Row]:
        rows: list[Row] = []
        for name, build in _BUILD.items():
            rows += [build(row) for row in self._query(name, id=transaction_id, limit=limit)]
        rows.sort(key=lambda row: row.time)
        return rows[:limit]

    def services(self) -> Sequence[str]:
        return [row[0] for row in self._query("services")]

    def check(self) -> None:
        # A table of ours, so that a server without our schema is not healthy.
        self._query("services")

    def close(self) -> None:
        while True:
            try:
                self._idle.get_nowait().disconnect()
            except queue.Empty:
                return

    def _query(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with executing(self._settings):
            try:
                client = self._idle.get_nowait()
            except queue.Empty:
                client = connect(self._settings)
            try:
                rows: list[tuple[Any, ...]] = client.execute(statements.read(name), parameters)
            except BaseException:
                client.disconnect()
                raise
            try:
                self._idle.put_nowait(client)
            except queue.Full:
                client.disconnect()
            return [text(row) if holds_bytes(row) else row for row in rows]


def _id(text: str, none: str = _NO_SPAN) -> str:
    return "" if text == none else text


def _span(row: tuple[Any, ...]) -> SpanRow:
    *plain, event_times, event_names, event_attributes, link_traces, link_spans, link_attributes = row
    transaction_id, span_id, parent_span_id, *rest = plain
    events = [SpanEvent(*event) for event in zip(event_times, event_names, event_attributes, strict=True)]
    links = [SpanLink(*link) for link in zip(link_traces, link_spans, link_attributes, strict=True)]
    fields: list[Any] = [transaction_id, span_id, _id(parent_span_id), *rest, events, links]
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
