"""Where a request failed, as far as its spans alone say it. Pure."""

from collections.abc import Sequence

from weftline.collector.store.protocol import AccessLogRow, LogRow, SpanRow
from weftline.query.timeline.hosts import role_of
from weftline.query.timeline.model import Entry, Verdict


def span_failure(entries: Sequence[Entry]) -> Verdict | None:
    """The first failed span below which no other failed; None where no application's span failed.

    The request failed where its outermost span did; otherwise somebody above coped with it.
    """
    below = [False] * len(entries)
    for entry in reversed(entries):
        if entry.parent is not None and (below[entry.index] or (entry.error and isinstance(entry.row, SpanRow))):
            below[entry.parent] = True
    for entry in entries:
        row = entry.row
        if not isinstance(row, SpanRow) or not entry.error or below[entry.index] or role_of(row):
            continue
        why, line = _why(entries, entry, row)
        return Verdict(
            entry=entry.index,
            service=row.service,
            proxy_role="",
            kind=None,
            reason="",
            blame=None,
            failed=_outermost_failed(entries, entry),
            text=f"{row.service}: {row.name} failed" + (f" ({why})" if why else ""),
            evidence=(entry.index,) if line is None else (entry.index, line),
        )
    return None


def _outermost_failed(entries: Sequence[Entry], entry: Entry) -> bool:
    spans_above = [entry]
    while entry.parent is not None:
        entry = entries[entry.parent]
        if isinstance(entry.row, SpanRow | AccessLogRow):
            spans_above.append(entry)
    return spans_above[-1].error


def _why(entries: Sequence[Entry], entry: Entry, row: SpanRow) -> tuple[str, int | None]:
    """What it says itself, else the first line of severity error that it logged, and that line's index."""
    for event in reversed(row.events):
        if event.name == "exception":
            return _exception(
                event.attributes.get("exception.type", ""), event.attributes.get("exception.message", "")
            ), None
    if row.status_message:
        return _first_line(row.status_message), None
    for other in entries[entry.index + 1 :]:
        if other.parent == entry.index and other.error and isinstance(other.row, LogRow):
            return _first_line(other.row.body), other.index
    code = row.attributes.get("http.response.status_code", "")
    return (code and f"answered {code}") or row.attributes.get("error.type", ""), None


def _exception(kind: str, message: str) -> str:
    return ": ".join(filter(None, (kind, _first_line(message))))


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")[:200]
