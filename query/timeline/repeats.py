"""Whether a row says again what the row that caused it says: a proxy's access log or attempt beside the proxy's own
span, or the attempt of a request beside its access log. Pure."""

from weftline.collector.store.protocol import AccessLogRow, Row, SpanRow
from weftline.query.timeline.hosts import role_of


def repeats(row: Row, cause: Row | None) -> bool:
    """``cause`` is the row that caused ``row``."""
    if not isinstance(row, AccessLogRow) or cause is None or not cause.span_id:
        return False
    if cause.service != row.service or role_of(cause) != row.proxy_role:
        return False
    match cause:
        case SpanRow():
            sent = cause.span_id
        case AccessLogRow() if cause.kind != "attempt":
            sent = cause.upstream_span_id
        case _:
            sent = ""
    return row.span_id == cause.span_id or (row.upstream_span_id != "" and row.upstream_span_id == sent)
