"""What was written of one transaction, line by line, by time: log lines and proxies' records; filtered and in pages.
Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from weftline.collector.store.line_filter import LineFilter, LineKind
from weftline.collector.store.protocol import AccessLogRow, Line, LogRow
from weftline.query.timeline.outcome import ERROR_SEVERITY, is_error

LEVELS: Final = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
"""OpenTelemetry's names to the least severity number of each."""
INFO: Final = LEVELS["info"]
CURSOR: Final = re.compile(r"(\d{1,19})-(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after the first ``skipped`` of the lines of ``time``."""

    time: int
    skipped: int

    @classmethod
    def of(cls, text: str) -> "Place":
        """Raises `ValueError` for what `spelt` didn't write."""
        if not (found := CURSOR.fullmatch(text)):
            raise ValueError("`cursor` is not one that this API gave as `next`.")
        return cls(int(found[1]), int(found[2]))

    @property
    def spelt(self) -> str:
        return f"{self.time}-{self.skipped}"


def passes(wanted: LineFilter, row: Line) -> bool:
    """What the store's `Reader.lines` decides in SQL, of a row that is here already; a test holds both together."""
    return (
        (not wanted.services or row.service in wanted.services)
        and (not wanted.kinds or kind_of_line(row) in wanted.kinds)
        and severity(row) >= wanted.level
        and wanted.since <= row.time <= wanted.until
        and wanted.text.lower() in said(row).lower()
    )


def in_order(rows: Iterable[Line]) -> list[Line]:
    """By time; of one nanosecond always the same way, so that pages fit together."""
    return sorted(rows, key=lambda row: (row.time, isinstance(row, AccessLogRow), row.span_id, row.service, said(row)))


def page(rows: Iterable[Line], after: Place | None, limit: int) -> tuple[list[Line], Place | None]:
    """At most ``limit`` of the rows, which are in order of time, and where the next page begins; None: nowhere."""
    found: list[Line] = []
    before = 0
    for row in rows:
        if after and (row.time < after.time or (row.time == after.time and before < after.skipped)):
            before += row.time == after.time
            continue
        if len(found) == limit:
            return found, _next(found, after)
        found.append(row)
    return found, None


def _next(found: Sequence[Line], after: Place | None) -> Place:
    last = found[-1].time
    same = sum(row.time == last for row in found)
    return Place(last, same + (after.skipped if after and after.time == last else 0))


def kind_of_line(row: Line) -> LineKind:
    if isinstance(row, LogRow):
        return "log"
    return "attempt" if row.kind == "attempt" else "access_log"


def severity(row: Line) -> int:
    """OpenTelemetry's severity number; of a line that says none, by the word for it; of a proxy's record, by its
    outcome."""
    if is_error(row):
        return max(row.severity_number if isinstance(row, LogRow) else 0, ERROR_SEVERITY)
    if isinstance(row, AccessLogRow):
        return INFO
    word = row.severity_text.lower()
    return row.severity_number or next((number for name, number in LEVELS.items() if word.startswith(name)), 0)


def level(number: int) -> str:
    """``info``; '' for a number that is none."""
    return list(LEVELS)[(number - 1) // 4] if 1 <= number <= 24 else ""


def said(row: Line) -> str:
    """The line's text; of a proxy's record its request and what came of it."""
    if isinstance(row, LogRow):
        return row.body or row.event_name
    asked = " ".join(filter(None, (row.method, row.authority + row.path)))
    if row.kind == "attempt":
        asked = f"attempt {row.upstream_attempts or ''} {asked}".replace("  ", " ")
    outcome = " ".join(filter(None, (str(row.response_code), row.response_flags)))
    return f"{asked or 'connection'} → {outcome}" + (f" to {row.upstream_host}" if row.upstream_host else "")
