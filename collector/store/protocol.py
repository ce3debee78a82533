"""What the store takes and gives: rows as frozen dataclasses, `Writer` and `Reader` as protocols.

Times are nanoseconds since the epoch, durations nanoseconds, ids lower-case hex text ('' where there is none).
"""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from weftline.collector.store.line_filter import LineBounds, LineFilter
from weftline.collector.store.mesh import MeshReader
from weftline.collector.store.red import RedReader


class Signal(StrEnum):
    """What a message carries; the value is the name of its Kafka topic and of its `insert/<signal>.sql`."""

    SPANS = "otlp_spans"
    """Plain `ExportTraceServiceRequest` bytes."""
    LOGS = "otlp_logs"
    """Plain `ExportLogsServiceRequest` bytes; access logs come this way too."""
    ENVOY_ALS = "envoy_als"
    """Envoy's `StreamAccessLogsMessage` with its stream's identifier, each framed as a length-delimited field 1."""


@dataclass(frozen=True, slots=True)
class SpanEvent:
    time: int
    name: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SpanLink:
    trace_id: str
    span_id: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A span as OTLP has it. ``kind`` is internal, server, client, producer, consumer or unspecified."""

    transaction_id: str
    span_id: str
    parent_span_id: str
    time: int
    duration: int
    service: str
    name: str
    kind: str
    status: str
    """unset, ok or error"""
    status_message: str
    scope_name: str
    scope_version: str
    scope_attributes: Mapping[str, str]
    resource: Mapping[str, str]
    attributes: Mapping[str, str]
    events: Sequence[SpanEvent] = ()
    links: Sequence[SpanLink] = ()
    attribute_types: Mapping[str, str] = field(default_factory=dict)
    """int, double or bool; what has none is text"""


@dataclass(frozen=True, slots=True)
class LogRow:
    """A line an application logged. ``span_id`` is that of the span it was logged in, recorded or not."""

    transaction_id: str
    span_id: str
    time: int
    service: str
    severity_number: int
    """1 to 24, OpenTelemetry's scale; 0 where unknown"""
    severity_text: str
    body: str
    event_name: str
    scope_name: str
    resource: Mapping[str, str]
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AccessLogRow:
    """An Envoy's record of one request, or of one attempt to have it answered upstream: see ``kind``.

    ``span_id`` is its server span's, recorded or not; '' for an attempt, whose own span id is ``upstream_span_id``.
    """

    transaction_id: str
    trace_id: str
    span_id: str
    parent_span_id: str
    """span id of the `traceparent` that arrived: the caller's client span; '' where none arrived or it isn't logged"""
    upstream_span_id: str
    """span id of the `traceparent` of the last upstream attempt; '' where no attempt was made"""
    time: int
    duration: int
    service: str
    proxy_role: str
    node_id: str
    log_type: str
    method: str
    authority: str
    path: str
    protocol: str
    response_code: int
    """0: the client left before a response"""
    response_flags: str
    """Envoy's short flags joined by commas; '' for none"""
    response_code_details: str
    upstream_transport_failure_reason: str
    connection_termination_details: str
    upstream_cluster: str
    upstream_host: str
    upstream_attempts: int
    """0: no upstream was tried. Of an attempt: its number from 1 on, 0 where the proxy doesn't count"""
    route_name: str
    request_id: str
    stream_id: str
    bytes_received: int
    bytes_sent: int
    grpc_status: str
    resource: Mapping[str, str]
    attributes: Mapping[str, str]
    """what has no column of its own"""
    kind: str = "end"
    """end, attempt, start, interim or connection: `schema/0004_access_logs.sql`"""
    record_id: str = ""
    """the same for all that is said of one request (attempt, connection) by one proxy, whatever way it came"""
    listener_direction: str = ""
    """inbound, outbound or ''"""
    connection_id: int = 0
    upstream_connection_id: int = 0
    downstream_remote_address: str = ""
    downstream_local_address: str = ""
    upstream_local_address: str = ""
    upstream_hosts_attempted: Sequence[str] = ()
    time_to_last_rx_byte: int = 0
    """this and the next: ns since the first byte from downstream; 0 where it never happened or isn't logged"""
    time_to_first_upstream_tx_byte: int = 0
    time_to_last_upstream_tx_byte: int = 0
    time_to_first_upstream_rx_byte: int = 0
    time_to_last_upstream_rx_byte: int = 0
    time_to_first_downstream_tx_byte: int = 0
    connection_pool_ready_duration: int = 0
    """ns waited for a connection to the upstream"""
    downstream_wire_bytes_received: int = 0
    downstream_wire_bytes_sent: int = 0
    upstream_wire_bytes_received: int = 0
    upstream_wire_bytes_sent: int = 0
    requested_server_name: str = ""
    downstream_tls_version: str = ""
    downstream_peer_subject: str = ""
    downstream_peer_uri_san: str = ""
    """SPIFFE identity of the caller"""
    downstream_local_uri_san: str = ""
    upstream_peer_uri_san: str = ""


@dataclass(frozen=True, slots=True)
class SpanOutline:
    """What a list of traces needs of a span; see `SpanRow`."""

    trace_id: str
    span_id: str
    parent_span_id: str
    time: int
    duration: int
    service: str
    name: str
    error: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """A name of spans of one kind (see `SpanRow.kind`)."""

    name: str
    kind: str


Line = LogRow | AccessLogRow
Row = SpanRow | Line


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that pass a filter, by time."""

    rows: Sequence[Line]
    looked_until: int | None
    """ns: lines later than that were not looked at, as there are too many; None where all were"""


class Block(Protocol):
    """Rows that are ready to be sent."""

    def pieces(self) -> Iterator[bytes | memoryview]:
        """All of it, in order, as ClickHouse's Native format. The views hold until the encoder's next call."""


class SpanEncoder(Protocol):
    """Makes rows of spans before ClickHouse sees them: the same ones that it would make of the messages."""

    def encode(self, messages: Sequence[bytes], tenant: str = "") -> Block | None:
        """The spans of ``messages`` as rows of ``tenant``; None: ClickHouse has to decode them, as something in them is
        unusual, or wrong.

        Never raises for what the messages hold. Safe to call from several threads; a block holds until the thread that
        asked for it calls again.
        """


class Writer(Protocol):
    """Takes messages as they came from the wire; whoever implements it decodes them."""

    def insert(self, signal: Signal, messages: Sequence[bytes], token: str, tenant: str = "") -> None:
        """Store every row of ``messages`` (protobuf requests of ``signal``) or none, as rows of ``tenant``.

        Durability: returns only after all rows, and those of every view, are stored. The same ``token`` with the
        same messages stores nothing twice; the token wins over the data, so a retry must bring the same messages.
        An empty sequence is a no-op. Raises `TryLater` (the caller retries the same call) or `BadMessage` (at least
        one message can't be decoded; the caller halves the batch). Blocking; safe to call from several threads.
        """

    def stored(self, hashes: Collection[bytes], token: str) -> set[bytes]:
        """Those of ``hashes`` (16 bytes each) that were remembered within the last hour under another token."""

    def remember(self, hashes: Sequence[bytes], token: str) -> None:
        """Note messages as stored by the insert of ``token``; doing it twice changes nothing. Raises `TryLater`."""

    def check(self) -> None:
        """Raise `TryLater` unless the store answers now."""

    def close(self) -> None:
        """Let go of idle connections. Calls after it still work; they connect anew."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A group in the journal: its insert under ``token`` may be under way, done, half done or not have begun."""

    token: str
    signal: Signal
    time: int
    """µs since the epoch, by the store's clock"""
    age: float
    """seconds"""
    hashes: frozenset[bytes]
    """of its messages, 16 bytes each"""
    tenant: str = ""


class Journal(Protocol):
    """What is about to be inserted, kept where every writer sees it. Blocking; every call raises `TryLater`."""

    def begin(
        self, token: str, signal: Signal, hashes: Sequence[bytes], messages: Sequence[bytes], tenant: str = ""
    ) -> None:
        """Durability: returns when a later `begun`, by whomever, has it. A call that fails may have begun it."""

    def begun(self) -> Sequence[Begun]:
        """What was begun and not ended, by whomever, in the order of (time, token)."""

    def messages(self, token: str) -> Sequence[bytes]:
        """Those of a group, as they came and in their order; empty if it was ended meanwhile."""

    def end(self, token: str) -> None:
        """Forget a group; doing it twice changes nothing."""


@dataclass(frozen=True, slots=True)
class Few:
    """All of a transaction of few rows."""

    rows: Sequence[Row]
    """by time"""
    aliased: Sequence[str]
    """IDs of other transactions that have its ID as an alias"""


class Reader(MeshReader, RedReader, Protocol):
    """Reads by transaction. Calls block, are safe from several threads, and raise `TryLater` when the store is away.

    Text is always text: what a sender wrote that is not UTF-8 is spelt out (``\\xe9``).
    """

    def resolve(self, any_id: str) -> Sequence[str]:
        """The transaction IDs that ``any_id`` names, newest first, without repetition; empty if it is unknown.

        ``any_id`` is a transaction ID (32 hex digits, any case) or any alias: an x-request-id (compared with the
        character at index 14 masked), a name the application set.
        """

    def few(self, transaction_id: str) -> Few | None:
        """All rows that the ID has, ordered by time, with as little work as may be; None where they are more than that
        is good for. Without rows: the transaction is unknown."""

    def transaction(self, transaction_id: str, limit: int) -> Sequence[Row]:
        """At most ``limit`` rows of a transaction, of all kinds, ordered by time; empty if there are none."""

    def transaction_blocks(self, transaction_id: str, limit: int) -> Generator[Sequence[Row], None, None]:
        """As `transaction`, in blocks of bounded size: kind after kind, each ordered by time, at most ``limit`` of
        each.

        Nothing is read before the first block is asked for; whoever stops earlier closes the iterator.
        """

    def logs(self, transaction_id: str, limit: int) -> Sequence[LogRow | AccessLogRow]:
        """At most ``limit`` of a transaction's log lines and access logs, ordered by time."""

    def lines(self, transaction_id: str, wanted: LineFilter, limit: int, bounds: LineBounds) -> Lines:
        """The first ``limit`` of a transaction's log lines and access logs that pass, however many don't. Those of one
        nanosecond are always in the same order. Raises `AskOtherwise` where it would cost more than ``bounds``."""

    def spans(self, trace_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[SpanRow]]:
        """Trace id → its spans by time, at most ``limit`` of each; a trace without spans is left out."""

    def span_outlines(self, trace_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[SpanOutline]]:
        """As `spans`, but only what a list of traces needs."""

    def records_of(self, transaction_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[LogRow | AccessLogRow]]:
        """Transaction ID → its log lines and access logs by time, at most ``limit`` of each; without any: left out.

        Only rows that name the transaction themselves: `transaction` also finds those that an x-request-id relates.
        """

    def operations(self, service: str) -> Sequence[Operation]:
        """What the spans of ``service`` were called, sorted; empty if it is unknown."""

    def services(self) -> Sequence[str]:
        """Names of all services that sent spans, logs or access logs, sorted."""

    def check(self) -> None:
        """Raise `TryLater` unless the store answers now."""

    def close(self) -> None:
        """Let go of idle connections. Calls after it still work; they connect anew."""
