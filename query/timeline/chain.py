"""The chain rule: on the chain of proxies of one request, a failure belongs to the hop where it began. Pure.

What a proxy reports may only follow from what the next or the one before did. A 503 that it passed on, a connection
that the next hop closed because something failed there, retries that were all answered with a failure: those began
below. A caller that left because the proxy before gave up: that began above. Everything else began where it is said.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from weftline.collector.store.event_kinds import Cause, EventKind
from weftline.collector.store.mesh import Hop
from weftline.query.timeline import outcome
from weftline.query.timeline.outcome import Record

FINISHED: Final = ("end", "connection")
PASSED_ON: Final = frozenset(
    {EventKind.RETRY, EventKind.RETRY_EXHAUSTION, EventKind.UPSTREAM_RESET, EventKind.PROTOCOL_ERROR}
)
"""What a proxy may report because of a failure further down."""


def events_of(record: Record) -> tuple[Cause, ...]:
    """The governance events of one record; none for attempts and for what is still going on."""
    return outcome.causes_of(record) if record.kind in FINISHED else ()


def failed(record: Record) -> bool:
    """A finished request or connection that went wrong."""
    return record.kind in FINISHED and outcome.failed(record)


def callers(records: Sequence[Hop]) -> list[int | None]:
    """For each record the position of that of the proxy which sent it the request, as far as ids say it directly.

    ``records`` are in order of time. A request's own record names the last attempt's id only; an attempt's record names
    its own, and belongs to the request that the same proxy began last before it.
    """
    senders: dict[str, int] = {}
    last: dict[tuple[str, str, str], int] = {}
    for position, record in enumerate(records):
        proxy = (record.transaction_id, record.service, record.proxy_role)
        if record.kind in FINISHED:
            last[proxy] = position
        if record.upstream_span_id and record.upstream_span_id != record.parent_span_id:
            senders.setdefault(record.upstream_span_id, last.get(proxy, position))
    return [
        None if (found := senders.get(record.parent_span_id)) == position else found
        for position, record in enumerate(records)
    ]


def origins(records: Sequence[Record], above: Sequence[int | None]) -> list[int | None]:
    """For each record the position of the one where its failure began, its own where it began there; None where
    nothing failed. ``above`` is the position of the record of the hop before (`callers`, or a timeline's tree)."""
    below: defaultdict[int, list[int]] = defaultdict(list)
    for position, caller in enumerate(above):
        if caller is not None:
            below[caller].append(position)
    return [_origin(position, records, above, below) for position in range(len(records))]


def _origin(
    position: int, records: Sequence[Record], above: Sequence[int | None], below: dict[int, list[int]]
) -> int | None:
    if not failed(records[position]) and not events_of(records[position]):
        return None
    visited = {position}
    while (following := _next(position, records, above, below)) is not None and following not in visited:
        visited.add(following)
        position = following
    return position


def _next(
    position: int, records: Sequence[Record], above: Sequence[int | None], below: dict[int, list[int]]
) -> int | None:
    """One step towards the origin: to the hop before, the hop after, or None where it began."""
    record = records[position]
    kinds = {it.kind for it in events_of(record)}
    if EventKind.CLIENT_ABORT in kinds:
        caller = above[position]
        return caller if caller is not None and failed(records[caller]) else None
    if not kinds <= PASSED_ON or any(it.reason in ("DPE", "IH") for it in events_of(record)):
        return None
    failures = [it for it in below.get(position, ()) if failed(records[it]) and not _left(records[it])]
    return failures[-1] if failures else None


def _left(record: Record) -> bool:
    return any(it.kind is EventKind.CLIENT_ABORT for it in events_of(record))
