"""Which rows report a failure. The one place that decides it, for counts, colours and later the verdict."""

from typing import Final

from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanRow
from weftline.query.timeline import flags

ERROR_SEVERITY: Final = 17
"""OpenTelemetry's SEVERITY_NUMBER_ERROR; FATAL is above."""
ERROR_WORDS: Final = frozenset({"ERROR", "CRITICAL", "FATAL", "ALERT", "EMERGENCY"})
GRPC_SERVER_ERRORS: Final = frozenset({"2", "4", "12", "13", "14", "15"})
"""UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: OpenTelemetry's rule for servers.
The others are the caller's doing, like HTTP's 4xx."""


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
            return (
                row.response_code >= 500
                or (row.response_code == 0 and _is_finished(row))
                or row.grpc_status in GRPC_SERVER_ERRORS
                or not flags.HARMLESS.issuperset(flags.split(row.response_flags))
            )


def _is_finished(row: AccessLogRow) -> bool:
    """Start and periodic entries, and all of TCP's, have no response code and yet nothing went wrong."""
    return row.log_type in ("", "DownstreamEnd")
