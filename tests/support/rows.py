"""Rows by hand, and a reader over them, for tests of the query folder."""

import dataclasses
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from weftline.collector.errors import TryLater
from weftline.collector.store.conditions import Condition
from weftline.collector.store.event_kinds import causes
from weftline.collector.store.line_filter import LineBounds, LineFilter
from weftline.collector.store.mesh import EventCount, EventFilter, EventRow, Hop, OpenRequest, PassedCount, StatSum
from weftline.collector.store.protocol import (
    AccessLogRow,
    Few,
    Lines,
    LogRow,
    Operation,
    Row,
    SpanEvent,
    SpanLink,
    SpanOutline,
    SpanRow,
)
from weftline.collector.store.red import LEVELS, Dependency, ProxiedCalls, RedFilter, RedPoint
from weftline.collector.store.searcher import Facet, Hit, Place, Window
from weftline.query.timeline.lines import in_order, passes

TRANSACTION = "4bf92f3577b34da6a3ce929d0e0e4736"
START = 1_795_327_632_000_000_000
"""2026-11-22T06:07:12Z"""
MS = 1_000_000


def sid(name: str | int) -> str:
    """A span id out of a short hex name: ``sid("a1")`` → ``00000000000000a1``; ``""`` stays empty."""
    return str(name).rjust(16, "0") if name != "" else ""


def at(ms: float) -> int:
    """The time ``ms`` milliseconds after `START`."""
    return START + round(ms * MS)


def span(
    name: str,
    span_id: str,
    parent: str = "",
    *,
    ms: float = 0,
    took: float = 1,
    service: str = "cart",
    kind: str = "internal",
    status: str = "unset",
    status_message: str = "",
    attributes: Mapping[str, str] | None = None,
    resource: Mapping[str, str] | None = None,
    scope: tuple[str, str] = ("", ""),
    scope_attributes: Mapping[str, str] | None = None,
    events: Sequence[SpanEvent] = (),
    links: Sequence[SpanLink] = (),
    transaction: str = TRANSACTION,
) -> SpanRow:
    return SpanRow(
        transaction_id=transaction,
        span_id=sid(span_id),
        parent_span_id=sid(parent),
        time=at(ms),
        duration=round(took * MS),
        service=service,
        name=name,
        kind=kind,
        status=status,
        status_message=status_message,
        scope_name=scope[0],
        scope_version=scope[1],
        scope_attributes=scope_attributes or {},
        resource={"service.name": service, **(resource or {})},
        attributes=attributes or {},
        events=events,
        links=links,
    )


def log(
    body: str,
    span_id: str = "",
    *,
    ms: float = 0,
    service: str = "cart",
    level: str = "INFO",
    arrived: str = "",
    attributes: Mapping[str, str] | None = None,
    event_name: str = "",
    transaction: str = TRANSACTION,
) -> LogRow:
    """``arrived``: the span id that reached the service, logged when its own span is not recorded."""
    more = {"weftline.parent_span_id": sid(arrived)} if arrived else {}
    return LogRow(
        transaction_id=transaction,
        span_id=sid(span_id),
        time=at(ms),
        service=service,
        severity_number={"DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}.get(level, 0),
        severity_text=level,
        body=body,
        event_name=event_name,
        scope_name="shop",
        resource={"service.name": service},
        attributes={**more, **(attributes or {})},
    )


_KINDS = {"UpstreamEnd": "attempt", "DownstreamStart": "start", "TcpConnectionEnd": "connection"}
"""As the store tells records apart by their type."""


def access(
    role: str,
    span_id: str,
    parent: str = "",
    upstream: str = "",
    *,
    ms: float = 0,
    took: float = 1,
    service: str = "cart",
    code: int = 200,
    flags: str = "",
    details: str = "via_upstream",
    attempts: int | None = None,
    method: str = "GET",
    path: str = "/pay",
    cluster: str = "",
    transport_failure: str = "",
    grpc_status: str = "",
    log_type: str = "DownstreamEnd",
    transaction: str = TRANSACTION,
) -> AccessLogRow:
    """``attempts`` is 1 where there is an ``upstream`` id, else 0, unless told."""
    return AccessLogRow(
        transaction_id=transaction,
        trace_id=transaction,
        span_id=sid(span_id),
        parent_span_id=sid(parent),
        upstream_span_id=sid(upstream),
        time=at(ms),
        duration=round(took * MS),
        service=service,
        proxy_role=role,
        node_id=f"{service}-envoy",
        log_type=log_type,
        method=method,
        authority="shop.example",
        path=path,
        protocol="HTTP/1.1",
        response_code=code,
        response_flags=flags,
        response_code_details=details,
        upstream_transport_failure_reason=transport_failure,
        connection_termination_details="",
        upstream_cluster=cluster,
        upstream_host="127.0.0.1:8080" if upstream else "",
        upstream_attempts=attempts if attempts is not None else int(bool(upstream)),
        route_name="",
        request_id="6f9a1c52-0d6f-4b0e-9a3e-5d1c2b7e8f90",
        stream_id="",
        bytes_received=0,
        bytes_sent=42,
        grpc_status=grpc_status,
        resource={"service.name": service, "weftline.proxy.role": role},
        attributes={},
        kind=_KINDS.get(log_type, "end"),
    )


def attempt(
    role: str, upstream: str, *, number: int, ms: float = 0, took: float = 1, code: int = 200, flags: str = "",
    connection: str = "", **more: Any,
) -> AccessLogRow:  # fmt: skip
    """What `router.upstream_log` writes: no ids of its request, but the same proxy, request id and connection."""
    row = access(role, "", "", upstream, ms=ms, took=took, code=code, flags=flags, attempts=number, details="", **more)
    return replace(row, log_type="UpstreamEnd", kind="attempt", attributes={"connection_id": connection})


def proxy_span(role: str, name: str, span_id: str, parent: str = "", **options: object) -> SpanRow:
    """A span that an Envoy made; its kind is server or client."""
    return span(name, span_id, parent, resource={"weftline.proxy.role": role}, **options)  # type: ignore[arg-type]


def events_of(*rows: AccessLogRow) -> list[EventRow]:
    """What the store's view makes of access logs, newest first."""
    events = [
        EventRow(
            time=row.time + row.duration,
            id=f"{number:08x}{index:08x}",
            kind=cause.kind.value,
            reason=cause.reason,
            count=1,
            **{
                field.name: getattr(row, field.name)
                for field in dataclasses.fields(EventRow)
                if field.name not in ("time", "id", "kind", "reason", "count")
            },
        )
        for number, row in enumerate(rows)
        for index, cause in enumerate(causes(row.response_flags, row.response_code_details, "", row.upstream_attempts))
    ]
    return sorted(events, key=lambda event: event.time, reverse=True)


def durations(ms: float) -> tuple[int, ...]:
    """Quantiles that are all the same."""
    return (round(ms * MS),) * len(LEVELS)


class RowsReader:
    """A fake: rows in a list instead of ClickHouse, for tests of shapes, texts and status codes.

    The real reader is tested against the real store, and the whole chain end to end.
    """

    def __init__(self, rows: Sequence[Row] = (), aliases: Mapping[str, Sequence[str]] | None = None) -> None:
        self.rows = list(rows)
        self.aliases = dict(aliases or {})
        self.mesh_events: list[EventRow] = []
        """Newest first; the filter is kept in ``asked``, not applied."""
        self.asked: object = None
        self.stats: list[StatSum] = []
        self.records: dict[str, int] = {}
        self.passed: list[PassedCount] = []
        self.open: dict[tuple[str, str, int], OpenRequest] = {}
        self.edges: list[Dependency] = []
        self.points: list[RedPoint] = []
        self.proxied: list[ProxiedCalls] = []
        """Of these two too the question is kept in ``asked``."""
        self.few_rows = 1000
        self.away: str = ""
        """Set it and every call raises TryLater with this text."""

    def resolve(self, any_id: str) -> Sequence[str]:
        self.check()
        if any(row.transaction_id == any_id.lower() for row in self.rows):
            return [any_id.lower()]
        return list(self.aliases.get(any_id, ()))

    def few(self, transaction_id: str) -> Few | None:
        rows = self.transaction(transaction_id, 10**9)
        aliased = [one for one in self.aliases.get(transaction_id, ()) if one != transaction_id]
        return Few(rows, aliased) if len(rows) <= self.few_rows else None

    def transaction(self, transaction_id: str, limit: int) -> Sequence[Row]:
        self.check()
        rows = [row for row in self.rows if row.transaction_id == transaction_id]
        return sorted(rows, key=lambda row: row.time)[:limit]

    def transaction_blocks(self, transaction_id: str, limit: int) -> Generator[Sequence[Row], None, None]:
        rows = self.transaction(transaction_id, 10**9)
        for kind in (SpanRow, LogRow, AccessLogRow):
            those = [row for row in rows if isinstance(row, kind)][:limit]
            yield from (those[at : at + 1000] for at in range(0, len(those), 1000))

    def logs(self, transaction_id: str, limit: int) -> Sequence[LogRow | AccessLogRow]:
        rows = self.transaction(transaction_id, 10**9)
        return [row for row in rows if not isinstance(row, SpanRow)][:limit]

    def lines(self, transaction_id: str, wanted: LineFilter, limit: int, bounds: LineBounds) -> Lines:
        rows = [row for row in self.logs(transaction_id, 10**9) if wanted.since <= row.time <= wanted.until]
        until = max(rows[bounds.most].time - 1, wanted.since) if len(rows) > bounds.most else None
        passing = [row for row in rows if passes(wanted, row) and (until is None or row.time <= until)]
        return Lines(in_order(passing)[:limit], until)

    def spans(self, trace_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[SpanRow]]:
        found = {}
        for trace_id in trace_ids:
            if rows := [row for row in self.transaction(trace_id, limit) if isinstance(row, SpanRow)]:
                found[trace_id] = rows
        return found

    def records_of(self, transaction_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[LogRow | AccessLogRow]]:
        found = {one: self.logs(one, limit) for one in transaction_ids}
        return {one: rows for one, rows in found.items() if rows}

    def span_outlines(self, trace_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[SpanOutline]]:
        return {
            trace_id: [
                SpanOutline(
                    trace_id, row.span_id, row.parent_span_id, row.time, row.duration, row.service, row.name,
                    row.status == "error",
                )
                for row in rows
            ]
            for trace_id, rows in self.spans(trace_ids, limit).items()
        }  # fmt: skip

    def operations(self, service: str) -> Sequence[Operation]:
        self.check()
        named = {(row.name, row.kind) for row in self.rows if isinstance(row, SpanRow) and row.service == service}
        return [Operation(*one) for one in sorted(named)]

    def services(self) -> Sequence[str]:
        self.check()
        return sorted({row.service for row in self.rows})

    def events(self, filter: EventFilter, limit: int, before: tuple[int, str] | None = None) -> Sequence[EventRow]:  # noqa: A002 - the protocol's name
        self.check()
        self.asked = (filter, before)
        return self.mesh_events[:limit]

    def event_counts(self, filter: EventFilter, interval: int) -> Sequence[EventCount]:  # noqa: A002 - the protocol's name
        self.check()
        self.asked = (filter, interval)
        return [EventCount(START, event.kind, event.service, event.count) for event in self.mesh_events]

    def proxy_stats(self, since: int, until: int) -> Sequence[StatSum]:
        self.check()
        return self.stats

    def proxy_records(self, since: int, until: int) -> Mapping[str, int]:
        return self.records

    def passed_on(self, since: int, until: int) -> Sequence[PassedCount]:
        self.check()
        return self.passed

    def open_request(self, service: str, node_id: str, time: int) -> OpenRequest | None:
        return self.open.get((service, node_id, time))

    def hops(self, transaction_ids: Sequence[str]) -> Sequence[Hop]:
        names = [field.name for field in dataclasses.fields(Hop)]
        return [
            Hop(**{name: getattr(row, name) for name in names})
            for row in self.rows
            if isinstance(row, AccessLogRow) and row.transaction_id in transaction_ids
        ]

    def dependencies(self, since: int, until: int) -> Sequence[Dependency]:
        self.check()
        self.asked = (since, until)
        return self.edges

    def proxied_calls(self, since: int, until: int) -> Sequence[ProxiedCalls]:
        self.check()
        return self.proxied

    def red(self, filter: RedFilter) -> Sequence[RedPoint]:  # noqa: A002 - the protocol's name
        self.check()
        self.asked = filter
        return self.points

    def check(self) -> None:
        if self.away:
            raise TryLater(self.away, 2)

    def close(self) -> None:
        pass


class RowsSearcher:
    """A fake: the given hits for every search, newest first, within window and page; keeps what it was asked.

    What a condition means is tested against the real store.
    """

    def __init__(self, hits: Sequence[Hit] = (), facets: Sequence[Facet] = ()) -> None:
        self.hits = sorted(hits, key=lambda hit: (hit.start, hit.transaction_id), reverse=True)
        self.counted = list(facets)
        self.asked: list[tuple[Condition, Window]] = []
        self.refuse: Callable[[Window], Exception | None] = lambda window: None
        """What a search of a window raises, if anything."""

    def search(
        self, condition: Condition, window: Window, before: Place | None, limit: int, seconds: float
    ) -> Sequence[Hit]:
        self.asked.append((condition, window))
        if error := self.refuse(window):
            raise error
        end = (before.start, before.transaction_id) if before else (window.until + 1, "")
        return [
            hit
            for hit in self.hits
            if window.since <= hit.start <= window.until and (hit.start, hit.transaction_id) < end
        ][:limit]

    def facets(self, condition: Condition, window: Window, limit: int, seconds: float) -> Sequence[Facet]:
        return self.counted

    def close(self) -> None:
        pass


def hit(transaction_id: str, start: int = START, **fields: Any) -> Hit:
    """A transaction found, with what matters to the test."""
    plain = Hit(transaction_id, start, 1, "GET /", 200, (), ("cart",), 1, 0, 1, 0)
    return replace(plain, **fields)
