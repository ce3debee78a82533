"""One transaction's rows as spans alone, for programs that know nothing else (Jaeger's UI, Grafana). Pure.

A proxy's record becomes an event of the span that the proxy recorded for it, or a span where there is none (sampled
out, died in the proxy). A log line becomes an event of the span it was logged in, or of what caused it. Log lines that
belong to nothing are events of one span a service. What was made here says so: attribute `weftline.span_from`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from hashlib import blake2b
from typing import Final

from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanEvent, SpanRow
from weftline.query.timeline import flags, order
from weftline.query.timeline.causes import Causes
from weftline.query.timeline.outcome import is_error

SPAN_FROM: Final = "weftline.span_from"
"""`access_log`, `attempt` or `log`: what a span that nobody recorded was made of."""
PARENT_BY: Final = "weftline.parent_by"
"""`inferred` where a made span's parent is; see `model.ParentBy`."""
ACCESS_LOG, ATTEMPT, LOG = "access_log", "attempt", "log"

_NAMES: Final = {
    "method": "http.request.method",
    "path": "url.path",
    "authority": "server.address",
    "response_code": "http.response.status_code",
    "grpc_status": "rpc.grpc.status_code",
    "proxy_role": "weftline.proxy.role",
    "log_type": "access_log_type",
    "upstream_attempts": "upstream_request_attempt_count",
}
"""Fields of a record that are not called as Envoy's access log calls them."""
_ELSEWHERE: Final = frozenset(
    {"transaction_id", "trace_id", "span_id", "parent_span_id", "upstream_span_id", "time", "duration", "service"}
    | {"resource", "attributes", "kind", "record_id"}
)
_FIELDS: Final = tuple(
    (it.name, _NAMES.get(it.name, it.name)) for it in fields(AccessLogRow) if it.name not in _ELSEWHERE
)


def as_spans(transaction_id: str, rows: Sequence[Row]) -> list[SpanRow]:
    """The spans by time, all with ``transaction_id``; every row is in one of them once. No rows give none.

    A recorded span is left as it is but for added events, and for its parent where that was never recorded but a
    proxy's record says which request sent it.
    """
    spans = [row for row in rows if isinstance(row, SpanRow)]
    if len(spans) < len(rows):
        spans = list(_Spans(transaction_id, rows).all())
    return sorted(
        (one if one.transaction_id == transaction_id else replace(one, transaction_id=transaction_id) for one in spans),
        key=lambda one: one.time,
    )


class _Spans:
    def __init__(self, transaction_id: str, rows: Sequence[Row]) -> None:
        self._transaction_id = transaction_id
        self._causes = Causes(order.canonical(rows))
        order.break_cycles(self._causes)
        self._rows = self._causes.rows
        self._ids = {row.span_id for row in rows if isinstance(row, SpanRow)}
        self._id_of = self._name_records()
        self._events: defaultdict[int, list[SpanEvent]] = defaultdict(list)
        """By the position of the row whose span has them."""
        self._loose: defaultdict[str, list[LogRow]] = defaultdict(list)
        self._place_events()

    def all(self) -> Iterator[SpanRow]:
        for position, row in enumerate(self._rows):
            match row:
                case SpanRow():
                    yield self._with_events(position, replace(row, parent_span_id=self._parent_of_span(position, row)))
                case AccessLogRow() if position not in self._causes.own_span:
                    yield self._with_events(position, self._from_record(position, row))
        for service, lines in self._loose.items():
            yield self._from_lines(service, lines)

    def _name_records(self) -> dict[int, str]:
        """Position → id of its span: the one that the proxy gave it, unless that is missing or taken."""
        ids: dict[int, str] = {}
        for position, row in enumerate(self._rows):
            match row:
                case SpanRow():
                    ids[position] = row.span_id
                case AccessLogRow() if position not in self._causes.own_span:
                    own = row.upstream_span_id if row.kind == "attempt" else row.span_id
                    if not own or own in self._ids:
                        own = self._derived(row.record_id, repr(row))
                    self._ids.add(own)
                    ids[position] = own
        return ids

    def _derived(self, *parts: str) -> str:
        """The same id for the same parts, so that an address with a span's id in it keeps working."""
        number = 0
        while True:
            text = "\0".join((self._transaction_id, *parts, str(number)))
            own = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
            if own not in self._ids:
                return own
            number += 1

    def _place_events(self) -> None:
        for position, row in enumerate(self._rows):
            match row:
                case AccessLogRow() if position in self._causes.own_span:
                    self._events[self._causes.own_span[position]].append(_event_of_record(row))
                case LogRow():
                    holder = self._holder(position)
                    if holder is None:
                        self._loose[row.service].append(row)
                    else:
                        self._events[holder].append(_event_of_line(row, self._rows[holder].service))

    def _holder(self, position: int) -> int | None:
        """The nearest cause of a row that is, or becomes, a span."""
        at = self._causes.parents[position]
        while at is not None and at not in self._id_of:
            at = self._causes.parents[at]
        return at

    def _parent_of_span(self, position: int, row: SpanRow) -> str:
        holder = self._holder(position)
        if not row.parent_span_id or row.parent_span_id in self._ids or self._causes.by[position] != "span":
            return row.parent_span_id
        return self._id_of[holder] if holder is not None else row.parent_span_id

    def _with_events(self, position: int, row: SpanRow) -> SpanRow:
        added = self._events.get(position)
        if not added:
            return row
        return replace(row, events=sorted((*row.events, *added), key=lambda event: event.time))

    def _from_record(self, position: int, row: AccessLogRow) -> SpanRow:
        attempt = row.kind == "attempt"
        holder = self._holder(position)
        parent = self._id_of[holder] if holder is not None else ""
        # Another record's attempt may be the parent by its id, where the timeline has the request that made it.
        if holder is not None and row.parent_span_id in self._ids and row.parent_span_id != self._id_of[position]:
            parent = row.parent_span_id
        error = is_error(row)
        why = flags.explain(row.response_flags) or row.upstream_transport_failure_reason
        attributes = {SPAN_FROM: ATTEMPT if attempt else ACCESS_LOG, **_attributes(row)}
        if holder is not None and self._causes.by[position] == "inferred":
            attributes[PARENT_BY] = "inferred"
        return SpanRow(
            transaction_id=self._transaction_id,
            span_id=self._id_of[position],
            parent_span_id=parent,
            time=row.time,
            duration=row.duration,
            service=row.service,
            name=f"{row.method} {row.path.partition('?')[0]}".strip() or row.upstream_cluster or row.log_type,
            kind="client" if attempt else "server",
            status="error" if error else "unset",
            status_message=(why or row.response_code_details) if error else "",
            scope_name="",
            scope_version="",
            scope_attributes={},
            resource=row.resource or {"service.name": row.service},
            attributes=attributes,
        )

    def _from_lines(self, service: str, lines: Sequence[LogRow]) -> SpanRow:
        first, last = min(line.time for line in lines), max(line.time for line in lines)
        return SpanRow(
            transaction_id=self._transaction_id,
            span_id=self._derived(LOG, service),
            parent_span_id="",
            time=first,
            duration=last - first,
            service=service,
            name="log lines",
            kind="internal",
            status="error" if any(is_error(line) for line in lines) else "unset",
            status_message="",
            scope_name="",
            scope_version="",
            scope_attributes={},
            resource=lines[0].resource or {"service.name": service},
            attributes={SPAN_FROM: LOG},
            events=[_event_of_line(line, service) for line in lines],
        )


def _event_of_record(row: AccessLogRow) -> SpanEvent:
    """At the end of the request or attempt: that is when Envoy writes it."""
    name = ATTEMPT if row.kind == "attempt" else ACCESS_LOG
    return SpanEvent(row.time + row.duration, name, _attributes(row))


def _event_of_line(row: LogRow, service: str) -> SpanEvent:
    """`message`, `level` and `logger` are what OpenTracing calls them, and Jaeger's users look for."""
    attributes = {"message": row.body, "level": row.severity_text, "logger": row.scope_name}
    if row.service != service:
        attributes["service.name"] = row.service
    attributes = {name: value for name, value in attributes.items() if value}
    return SpanEvent(row.time, row.event_name or LOG, {**row.attributes, **attributes})


def _attributes(row: AccessLogRow) -> Mapping[str, str]:
    """What the record says, without what it doesn't know; a response code of 0 says that the client left first."""
    known = {}
    for field, name in _FIELDS:
        value = getattr(row, field)
        if not isinstance(value, str | int):
            value = ",".join(value)
        if value not in ("", 0) or (field == "response_code" and row.kind == "end"):
            known[name] = str(value)
    return {**row.attributes, **known}
