"""What happened and left no record, as the rows around it show: named, so that nobody takes a hole for a fast
service. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanRow
from weftline.query.timeline.hosts import INBOUND, role_of
from weftline.query.timeline.model import Entry, Gap, GapKind
from weftline.query.timeline.words import proxy_name, upstream_name

EVIDENCE: Final = 10
"""Rows named for each gap."""


def find_gaps(entries: Sequence[Entry]) -> Iterator[Gap]:
    """The gaps of a transaction, from its entries in causal order; those of one kind and service are one."""
    rows = [entry.row for entry in entries]
    spans = {row.service for row in rows if isinstance(row, SpanRow) and not role_of(row)}
    lines = _by_service((row, at) for at, row in enumerate(rows) if isinstance(row, LogRow))
    if spans:
        for service, those in lines.items():
            if service not in spans:
                text = f"{service or 'a service without a name'} logged but sent no spans"
                yield Gap(GapKind.LOGGED_WITHOUT_SPANS, service, tuple(those[:EVIDENCE]), text)
    inbound = _by_service((row, at) for at, row in enumerate(rows) if role_of(row) == INBOUND and _reached(row))
    for service, those in inbound.items():
        if service not in spans and service not in lines:
            text = f"only its proxy saw {service}: the application left neither span nor log line"
            yield Gap(GapKind.ONLY_PROXIES, service, tuple(those[:EVIDENCE]), text)
    yield from _missing_parents(entries)
    yield from _silent_upstreams(entries)


def _missing_parents(entries: Sequence[Entry]) -> Iterator[Gap]:
    known: set[str] = set()
    for entry in entries:
        known.add(entry.row.span_id)
        if isinstance(entry.row, AccessLogRow):
            known.add(entry.row.upstream_span_id)
    missing = _by_service(
        (row, entry.index)
        for entry in entries
        if isinstance(row := entry.row, SpanRow) and row.parent_span_id and row.parent_span_id not in known
    )
    for service, those in missing.items():
        ids = list(dict.fromkeys(row.parent_span_id for at in those if isinstance(row := entries[at].row, SpanRow)))
        count = "a span" if len(those) == 1 else f"{len(those)} spans"
        named = ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more"
        verb = "names a parent" if len(those) == 1 else "name parents"
        text = f"{count} of {service} {verb} that nobody recorded ({named})"
        yield Gap(GapKind.MISSING_PARENT, service, tuple(those[:EVIDENCE]), text)


def _silent_upstreams(entries: Sequence[Entry]) -> Iterator[Gap]:
    """Requests that a proxy sent on and had an answer to, and below whose record, attempts and spans is nobody
    else's."""
    answered_below = [False] * len(entries)
    silent: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for entry in reversed(entries):
        cause = None if entry.parent is None else entries[entry.parent]
        if cause is not None:
            of_other = (entry.row.service, role_of(entry.row)) != (cause.row.service, role_of(cause.row))
            if of_other or answered_below[entry.index]:
                answered_below[cause.index] = True
    for entry in entries:
        row = entry.row
        if not isinstance(row, AccessLogRow) or row.kind == "attempt" or not _reached(row):
            continue
        # With its spans recorded, what the proxy sent hangs below those and not below its record.
        holder = entries[entry.parent] if entry.repeats and entry.parent is not None else entry
        if row.proxy_role != INBOUND and not answered_below[holder.index]:
            silent[row.service, row.proxy_role, row.upstream_cluster].append(entry.index)
    for (service, role, cluster), those in silent.items():
        times = "" if len(those) == 1 else f" {len(those)} times"
        text = f"{proxy_name(service, role)} called {upstream_name(cluster)}{times}, which recorded nothing"
        yield Gap(GapKind.SILENT_UPSTREAM, service, tuple(those[:EVIDENCE]), text)


def _reached(row: Row) -> bool:
    """The proxy had an answer of whom it sent the request to; a span alone says so where it isn't one of a failure."""
    if isinstance(row, SpanRow):
        return row.status != "error"
    return isinstance(row, AccessLogRow) and (row.upstream_attempts > 0 and row.response_code_details == "via_upstream")


def _by_service(rows: Iterator[tuple[Row, int]]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for row, at in rows:
        found[row.service].append(at)
    return found
