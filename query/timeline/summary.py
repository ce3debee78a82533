"""A transaction in one line, from its entries in order."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from weftline.collector.store.protocol import AccessLogRow, LogRow, SpanRow
from weftline.query.timeline.model import Entry, Kind, Share, Summary
from weftline.query.timeline.verdict import verdict

STATUS_CODE_ATTRIBUTES: Final = ("http.response.status_code", "http.status_code")
"""OpenTelemetry's name, and the one it had before."""
OUTERMOST_FIRST: Final = {"edge": 0, "gateway": 1}


def summarise(transaction_id: str, entries: Sequence[Entry], shares: Sequence[Share]) -> Summary:
    """The summary of ``entries``, which are in causal order; ``shares`` are those of the critical path."""
    counts = Counter(entry.kind for entry in entries)
    outermost = _outermost_proxy(entries)
    spans = [entry.row for entry in entries if isinstance(entry.row, SpanRow)]
    start = entries[0].row.time + entries[0].correction if entries else 0
    return Summary(
        transaction_id=transaction_id,
        start=start,
        end=max((_end(entry) for entry in entries), default=start),
        services=tuple(dict.fromkeys(entry.row.service for entry in entries if entry.row.service)),
        spans=counts[Kind.SPAN],
        access_logs=counts[Kind.ACCESS_LOG],
        logs=counts[Kind.LOG],
        errors=sum(entry.error for entry in entries if entry.kind is not Kind.ATTEMPT),
        response_code=outermost.response_code if outermost else _server_status(spans),
        response_flags=outermost.response_flags if outermost else "",
        sampled=bool(spans),
        root=_root(outermost, spans),
        verdict=verdict(entries, shares),
    )


def _end(entry: Entry) -> int:
    row = entry.row
    return row.time + entry.correction + (0 if isinstance(row, LogRow) else row.duration)


def _outermost_proxy(entries: Sequence[Entry]) -> AccessLogRow | None:
    proxies = [entry.row for entry in entries if isinstance(entry.row, AccessLogRow) and entry.kind is Kind.ACCESS_LOG]
    # An edge is outermost by its role, whatever the clocks and missing rows say; min() keeps the first of equals.
    return min(proxies, key=lambda row: OUTERMOST_FIRST.get(row.proxy_role, 2), default=None)


def _server_status(spans: Sequence[SpanRow]) -> int | None:
    """What the first server answered, as its span says."""
    for span in spans:
        if span.kind == "server":
            for name in STATUS_CODE_ATTRIBUTES:
                if (text := span.attributes.get(name, "")).isdecimal():
                    return int(text)
    return None


def _root(outermost: AccessLogRow | None, spans: Sequence[SpanRow]) -> str:
    if outermost and (outermost.method or outermost.path):
        return f"{outermost.method} {outermost.path}".strip()
    return spans[0].name if spans else ""
