"""The JSON of a transaction: the timeline's dataclasses as documented pydantic models.

Times are decimal strings of nanoseconds since the epoch (JavaScript's numbers end at 2^53), durations and offsets
are integers of nanoseconds, ids lower-case hex text ('' where there is none).
"""

import dataclasses
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from weftline.collector.store.protocol import AccessLogRow, LogRow, SpanRow
from weftline.query.identifiers import Match
from weftline.query.timeline import Entry, GapKind, Kind, ParentBy, Place, Timeline, flags

NANO = Field(pattern=r"^-?\d+$", examples=["1795327632000000000"], description="Nanoseconds since the epoch.")


class Event(BaseModel):
    """A span event."""

    time_unix_nano: Annotated[str, NANO]
    name: str
    attributes: Mapping[str, str]


class Link(BaseModel):
    """A span link."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, str]


class EntryView(BaseModel):
    """What every entry of a timeline has."""

    time_unix_nano: Annotated[str, NANO]
    offset_ns: int = Field(
        description="Own time minus the summary's start; negative where this host's clock is behind."
    )
    duration_ns: int = Field(description="0 for a log line.")
    depth: int = Field(description="Number of causes above this entry.")
    parent: int | None = Field(description="Index in `entries` of what caused this one; always an earlier one.")
    parent_by: ParentBy | None = Field(description="How the cause is known: `span` by ids, `inferred` by circumstance.")
    error: bool = Field(description="This row itself reports a failure.")
    correction_ns: int = Field(
        description="To be added to `offset_ns` so that the hosts' clocks agree; 0 for most. Inferred, see `clocks`."
    )
    self_ns: int = Field(description="Its duration without what its children covered of it, by corrected clocks.")
    repeats: bool = Field(description="It says again what its parent says: a proxy's record beside that proxy's span.")
    service: str
    transaction_id: str = Field(description="The row's own trace id where only x-transaction-id was passed on.")
    span_id: str
    attributes: Mapping[str, str]
    resource: Mapping[str, str]


class SpanEntry(EntryView):
    """A span."""

    kind: Literal["span"] = "span"
    name: str
    span_kind: str = Field(description="internal, server, client, producer, consumer or unspecified.")
    parent_span_id: str
    status: str = Field(description="unset, ok or error.")
    status_message: str
    scope_name: str
    scope_version: str
    scope_attributes: Mapping[str, str]
    attribute_types: Mapping[str, str] = Field(description="int, double or bool; attributes without one are text.")
    events: list[Event]
    links: list[Link]


class LogEntry(EntryView):
    """A line an application logged."""

    kind: Literal["log"] = "log"
    severity_number: int = Field(description="1 to 24, OpenTelemetry's scale; 0 where unknown.")
    severity_text: str
    body: str
    event_name: str
    scope_name: str


class ProxyEntry(EntryView):
    """What an Envoy's records have."""

    proxy_role: str = Field(description="edge, gateway, sidecar-inbound or sidecar-outbound.")
    node_id: str
    log_type: str
    trace_id: str
    parent_span_id: str
    upstream_span_id: str = Field(description="Of the last upstream attempt; of an attempt, what it sent.")
    method: str
    authority: str
    path: str
    protocol: str
    response_code: int = Field(description="0: the client left before a response; of an attempt, none came.")
    response_flags: str
    response_flags_text: str = Field(description="The flags in words.")
    response_code_details: str
    upstream_transport_failure_reason: str
    connection_termination_details: str
    upstream_cluster: str
    upstream_host: str
    upstream_attempts: int = Field(description="How many; of an attempt, which one, 0 where the proxy doesn't count.")
    route_name: str
    request_id: str
    stream_id: str
    bytes_received: int
    bytes_sent: int
    grpc_status: str
    record_id: str = Field(description="The same for all that one proxy says of one request, attempt or connection.")
    listener_direction: str = Field(description="inbound, outbound or empty.")
    connection_id: int
    upstream_connection_id: int
    downstream_remote_address: str
    downstream_local_address: str
    upstream_local_address: str
    upstream_hosts_attempted: list[str]
    time_to_last_rx_byte: int = Field(description="This and the next: ns since the first byte from downstream, or 0.")
    time_to_first_upstream_tx_byte: int
    time_to_last_upstream_tx_byte: int
    time_to_first_upstream_rx_byte: int
    time_to_last_upstream_rx_byte: int
    time_to_first_downstream_tx_byte: int
    connection_pool_ready_duration: int = Field(description="ns waited for a connection to the upstream.")
    downstream_wire_bytes_received: int
    downstream_wire_bytes_sent: int
    upstream_wire_bytes_received: int
    upstream_wire_bytes_sent: int
    requested_server_name: str
    downstream_tls_version: str
    downstream_peer_subject: str
    downstream_peer_uri_san: str = Field(description="SPIFFE identity of the caller.")
    downstream_local_uri_san: str
    upstream_peer_uri_san: str


class AccessLogEntry(ProxyEntry):
    """An Envoy's record of one request."""

    kind: Literal["access_log"] = "access_log"


class AttemptEntry(ProxyEntry):
    """An Envoy's record of one attempt to have a request answered upstream; the request has its own access log."""

    kind: Literal["attempt"] = "attempt"


AnyEntry = Annotated[SpanEntry | LogEntry | AccessLogEntry | AttemptEntry, Field(discriminator="kind")]


class VerdictView(BaseModel):
    """Which hop failed, and why; or what the mesh did to a request that went well, or where a slow one's time went."""

    text: str = Field(examples=["payment's outbound proxy: could not connect to ledger (Connection refused)"])
    failed: bool = Field(description="False: the client got its answer all the same.")
    entry: int = Field(description="Index in `entries` of the row where it began: a proxy's record, if one saw it.")
    service: str
    proxy_role: str = Field(description="'' where it is an application's row.")
    kind: str | None = Field(
        description="Kind of event; null where an application failed by itself, or was slow: no proxy interfered."
    )
    reason: str = Field(description="Envoy's response flags or response code detail.")
    blame: str | None = Field(
        description="Where to look, seen from that proxy: proxy, configuration, upstream or caller. null without one."
    )
    evidence: list[int] = Field(description="Indices in `entries` of the rows that the sentence rests on.")


class SummaryView(BaseModel):
    """The transaction in one line."""

    root: str = Field(description="Method and path of the outermost proxy's record, else the first span's name.")
    start_unix_nano: Annotated[str, NANO]
    end_unix_nano: Annotated[str, NANO]
    duration_ns: int
    services: list[str] = Field(description="In order of appearance.")
    spans: int
    access_logs: int
    logs: int
    errors: int = Field(description="Entries with `error`, attempts aside.")
    response_code: int | None
    response_flags: str
    response_flags_text: str
    verdict: VerdictView | None = Field(description="null where nothing failed and it wasn't slow.")
    sampled: bool = Field(description="False: no span was recorded; access logs and log lines tell the story.")


class ClockView(BaseModel):
    """How far one host's clock is off, as the rows of callers and callees show it. Inferred."""

    services: list[str] = Field(description="Those with rows of this clock.")
    correction_ns: int = Field(description="Added to its rows' times; 0 where nothing shows that it is wrong.")
    earliest_ns: int | None = Field(description="The correction is at least so much; null where nothing bounds it.")
    latest_ns: int | None = Field(description="The correction is at most so much; null where nothing bounds it.")
    pairs: int = Field(description="How many callers' and callees' rows show it; 0 for the clock the others go by.")


class PieceView(BaseModel):
    """A stretch of the critical path: the answer waited for this one row. Times as `offset_ns` + `correction_ns`."""

    entry: int = Field(description="Index in `entries`.")
    start_ns: int
    end_ns: int
    place: Place = Field(
        description="service, proxy, queue (for a connection), network, or waiting: it left no record."
    )
    inferred: bool = Field(description="No row says for sure that the time was spent in this place.")


class ShareView(BaseModel):
    """The critical path's time at one place of one service."""

    place: Place
    service: str
    duration_ns: int
    inferred: bool
    longest: int = Field(description="Index in `entries` of the row with the longest piece.")


class GapView(BaseModel):
    """Something that happened and left no record, inferred from the rows around it."""

    kind: GapKind
    service: str
    text: str = Field(examples=["payment logged but sent no spans"])
    entries: list[int] = Field(description="Indices in `entries` of the first rows that show it.")


class HeadView(BaseModel):
    """What is known about one request as a whole."""

    transaction_id: str
    matched_alias: str | None = Field(description="The alias that was looked up, if it was one.")
    other_transactions: list[str] = Field(description="Further transactions with that alias, newest first.")
    truncated: bool = Field(description="There are more rows than the service answers with; the first are here.")
    summary: SummaryView
    clocks: list[ClockView] = Field(description="Each host's, as far as it can be told apart.")
    critical_path: list[PieceView] = Field(
        description="What the answer was waiting for at every moment, in order of time; by corrected clocks."
    )
    time_split: list[ShareView] = Field(description="The critical path by place and service, the largest first.")
    gaps: list[GapView]


class TransactionView(HeadView):
    """Everything known about one request, cause first, then time."""

    entries: list[AnyEntry]


def head(match: Match, timeline: Timeline, *, truncated: bool) -> HeadView:
    """All of the answer for ``timeline`` but its entries."""
    summary = timeline.summary
    return HeadView(
        transaction_id=match.transaction_id,
        matched_alias=match.alias,
        other_transactions=list(match.others),
        truncated=truncated,
        summary=SummaryView(
            root=summary.root,
            start_unix_nano=str(summary.start),
            end_unix_nano=str(summary.end),
            duration_ns=summary.duration,
            services=list(summary.services),
            spans=summary.spans,
            access_logs=summary.access_logs,
            logs=summary.logs,
            errors=summary.errors,
            response_code=summary.response_code,
            response_flags=summary.response_flags,
            response_flags_text=flags.explain(summary.response_flags),
            verdict=VerdictView.model_validate(dataclasses.asdict(summary.verdict)) if summary.verdict else None,
            sampled=summary.sampled,
        ),
        clocks=[
            ClockView(
                services=list(it.services), correction_ns=it.correction, earliest_ns=it.earliest, latest_ns=it.latest,
                pairs=it.pairs,
            )
            for it in timeline.clocks
        ],
        critical_path=[
            PieceView(entry=it.entry, start_ns=it.start, end_ns=it.end, place=it.place, inferred=it.inferred)
            for it in timeline.path
        ],
        time_split=[
            ShareView(
                place=it.place, service=it.service, duration_ns=it.duration, inferred=it.inferred, longest=it.longest
            )
            for it in timeline.shares
        ],
        gaps=[
            GapView(kind=it.kind, service=it.service, text=it.text, entries=list(it.entries)) for it in timeline.gaps
        ],
    )  # fmt: skip


def entry_fields(entry: Entry) -> dict[str, object]:
    """What `AnyEntry` describes, in its fields' order. No model is made of it: an answer may have 200,000."""
    row = entry.row
    model = _model_of(entry)
    names, values_of = _OWN[model]
    fields = dict.fromkeys(model.model_fields)
    fields.update(zip(names, values_of(row), strict=True))
    fields |= {
        "kind": entry.kind.value,
        "time_unix_nano": str(row.time),
        "offset_ns": entry.offset,
        "duration_ns": 0 if isinstance(row, LogRow) else row.duration,
        "depth": entry.depth,
        "parent": entry.parent,
        "parent_by": entry.parent_by,
        "error": entry.error,
        "correction_ns": entry.correction,
        "self_ns": entry.self_time,
        "repeats": entry.repeats,
    }
    if isinstance(row, SpanRow):
        fields["span_kind"] = row.kind
        fields["events"] = [
            {"time_unix_nano": str(event.time), "name": event.name, "attributes": event.attributes}
            for event in row.events
        ]
        fields["links"] = [
            {"trace_id": link.trace_id, "span_id": link.span_id, "attributes": link.attributes} for link in row.links
        ]
    elif isinstance(row, AccessLogRow):
        fields["response_flags_text"] = flags.explain(row.response_flags)
    return fields


def _model_of(entry: Entry) -> type[EntryView]:
    match entry.row:
        case SpanRow():
            return SpanEntry
        case LogRow():
            return LogEntry
        case AccessLogRow():
            return AttemptEntry if entry.kind is Kind.ATTEMPT else AccessLogEntry


_Getter = tuple[list[str], Callable[[Any], tuple[Any, ...]]]
"""Names, and what gets their values out of a row, all at once."""


def _own(row: type[SpanRow | LogRow | AccessLogRow], model: type[EntryView]) -> _Getter:
    """The fields that a row and its model have in common, but for `kind`, which means two things."""
    row_has = {field.name for field in dataclasses.fields(row)}
    names = [name for name in model.model_fields if name != "kind" and name in row_has]
    return names, attrgetter(*names)


_OWN: Final[Mapping[type[EntryView], _Getter]] = {
    SpanEntry: _own(SpanRow, SpanEntry),
    LogEntry: _own(LogRow, LogEntry),
    AccessLogEntry: _own(AccessLogRow, AccessLogEntry),
    AttemptEntry: _own(AccessLogRow, AttemptEntry),
}
