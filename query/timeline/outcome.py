"""Which rows report a failure. The one place that decides it, for counts, colours and the verdict."""

from typing import Final, Protocol

from weftline.collector.store.event_kinds import Cause, EventKind, causes
from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanRow
from weftline.query.timeline import flags

ERROR_SEVERITY: Final = 17
"""OpenTelemetry's SEVERITY_NUMBER_ERROR; FATAL is above."""
ERROR_WORDS: Final = frozenset({"ERROR", "CRITICAL", "FATAL", "ALERT", "EMERGENCY"})
GRPC_SERVER_ERRORS: Final = frozenset({"2", "4", "12", "13", "14", "15"})
"""UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: OpenTelemetry's rule for servers.
The others are the caller's doing, like HTTP's 4xx."""


class Record(Protocol):
    """The fields of an access log that failures are read from: `AccessLogRow` and `Hop` have them."""

    @property
    def kind(self) -> str: ...
    @property
    def response_code(self) -> int: ...
    @property
    def response_flags(self) -> str: ...
    @property
    def response_code_details(self) -> str: ...
    @property
    def connection_termination_details(self) -> str: ...
    @property
    def upstream_attempts(self) -> int: ...
    @property
    def grpc_status(self) -> str: ...


def is_error(row: Row) -> bool:
    """A span with status error; a log line of severity error or above; a proxy's 5xx, a request without a
    response, one with a flag that isn't harmless (a 404 of the proxy has NR, one of the application has none)."""
    match row:
        case SpanRow():
            return row.status == "error"
        case LogRow():
            if row.severity_number:
                return row.severity_number >= ERROR_SEVERITY
            return row.severity_text.upper() in ERROR_WORDS
        case AccessLogRow():
            return failed(row)


def failed(record: Record) -> bool:
    """A proxy's record of a failure: a 5xx, a finished request without a response, an error of gRPC, a flag that isn't
    harmless, or a refusal that Envoy words in the details only (RBAC)."""
    return (
        record.response_code >= 500
        or (record.response_code == 0 and record.kind == "end")
        or record.grpc_status in GRPC_SERVER_ERRORS
        or not flags.HARMLESS.issuperset(flags.split(record.response_flags))
        or any(it.kind is not EventKind.RETRY for it in causes_of(record) if it.reason not in flags.HARMLESS)
    )


def causes_of(record: Record) -> tuple[Cause, ...]:
    """The governance events that a record reports, whatever it is a record of."""
    return causes(
        record.response_flags,
        record.response_code_details,
        record.connection_termination_details,
        record.upstream_attempts if record.kind != "attempt" else 1,
    )
