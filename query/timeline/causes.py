"""Which row caused which: exactly by span ids, else inferred from service, time and retries.

A span id names, in this order: a recorded span; the proxy's attempt, where there were several, or request that sent it
upstream (`upstream_span_id`); the proxy request whose server span it is; an application's span that was not recorded
(sampled out), of which only a log line knows the parent (`weftline.parent_span_id`). The last one stands for nothing in
the timeline, so whatever it caused hangs under its own cause: the inbound proxy request.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from weftline.agent import semconv
from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanRow
from weftline.query.timeline.attempts import Attempts
from weftline.query.timeline.enclosing import Enclosing
from weftline.query.timeline.model import ParentBy

EDGE: Final = "edge"
INBOUND: Final = "sidecar-inbound"
OUTBOUND: Final = "sidecar-outbound"
ENTRANCES: Final = ("server", "consumer")
"""Span kinds with which a service begins to work for somebody else."""
SIBLINGS_LOOKED_AT: Final = 8
"""Later attempts compared for one earlier attempt; bounds the work on a transaction with thousands of retries."""

Interval = tuple[int, int, int]


class Causes:
    """The cause of each row of one transaction. Rows are named by their position in the sequence passed in.

    ``parents[i]`` is the position of the row that caused row i, or None; ``by[i]`` is how that is known;
    ``own_span[i]`` is, for a proxy's access log, the position of the server span it belongs to, for an attempt's that
    of its client span. Parents may form cycles where the ids do: `order` breaks them.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.parents: list[int | None] = [None] * len(rows)
        self.by: list[ParentBy | None] = [None] * len(rows)
        self.own_span: dict[int, int] = {}
        self._spans: dict[str, int] = {}
        self._attempts = Attempts(rows)
        self._senders = self._attempts.senders
        self._proxies: dict[str, int] = {}
        self._unrecorded: dict[str, str] = {}
        self._index()
        self._link_exactly()
        self._infer()

    def _index(self) -> None:
        for position, row in enumerate(self.rows):
            match row:
                case SpanRow():
                    self._spans.setdefault(row.span_id, position)
                case AccessLogRow(kind="attempt"):
                    pass
                case AccessLogRow():
                    self._proxies.setdefault(row.span_id, position)
                    # A proxy without a tracer passes on the id that arrived: it is the caller's, not its own.
                    if row.upstream_span_id != row.parent_span_id:
                        self._senders.setdefault(row.upstream_span_id, position)
                case LogRow():
                    arrived = row.attributes.get(semconv.PARENT_SPAN_ID, "")
                    if row.span_id and arrived:
                        self._unrecorded.setdefault(row.span_id, arrived)

    def _link_exactly(self) -> None:
        for position, row in enumerate(self.rows):
            parent: int | None
            match row:
                case SpanRow():
                    parent = None if row.parent_span_id == row.span_id else self._named(row.parent_span_id, position)
                case AccessLogRow(kind="attempt"):
                    self._link_attempt(position, row)
                    continue
                case AccessLogRow():
                    parent = self._spans.get(row.span_id) if row.span_id else None
                    if parent is not None:
                        self.own_span[position] = parent
                    else:
                        parent = self._named(row.parent_span_id, position)
                case LogRow():
                    parent = self._named(row.span_id, position)
                    if parent is None:
                        parent = self._named(row.attributes.get(semconv.PARENT_SPAN_ID, ""), position)
            self._set(position, parent, "span")

    def _link_attempt(self, position: int, row: AccessLogRow) -> None:
        """Below its own client span where it was recorded, else below its request."""
        span = self._spans.get(row.upstream_span_id) if row.upstream_span_id else None
        if span is not None:
            self.own_span[position] = span
            self._set(position, span, "span")
        elif position in self._attempts.requests:
            self._set(position, *self._attempts.requests[position])

    def sender(self, position: int) -> int | None:
        """What caused the row; where that is an attempt, the request it was made for."""
        parent = self.parents[position]
        if parent is None or parent not in self._attempts.requests:
            return parent
        return self._attempts.requests[parent][0]

    def _named(self, span_id: str, besides: int) -> int | None:
        """The row that ``span_id`` names, other than row ``besides``."""
        seen: set[str] = set()
        while span_id and span_id not in seen:
            seen.add(span_id)
            for table in (self._spans, self._senders, self._proxies):
                position = table.get(span_id)
                if position is not None and position != besides:
                    return position
            span_id = self._unrecorded.get(span_id, "")
        return None

    def _infer(self) -> None:
        """Give the rows without a cause the likeliest one, marked as inferred.

        Only within one service (its sidecar, its processes: one clock) or from a proxy that says it has retried.
        """
        loose = [position for position, parent in enumerate(self.parents) if parent is None]
        if not loose:
            return
        entrances, inbound = self._entrances()
        retries = _Retries(self)
        for position in loose:
            row = self.rows[position]
            match row:
                case LogRow():
                    parent = _around(entrances.get(row.service), row.time, 0, position)
                case AccessLogRow(kind="attempt"):
                    parent = None  # its request's log isn't there
                case AccessLogRow() if row.proxy_role == OUTBOUND:
                    parent = _around(entrances.get(row.service), row.time, row.duration, position)
                case AccessLogRow() if row.proxy_role != EDGE:
                    parent = retries.find(position, row)
                case SpanRow() if _role(row) == OUTBOUND or (row.parent_span_id and row.kind not in ENTRANCES):
                    parent = _around(entrances.get(row.service), row.time, row.duration, position)
                case SpanRow() if not _role(row) and row.kind in ENTRANCES:
                    parent = _around(inbound.get(row.service), row.time, row.duration, position)
                case _:
                    parent = None
            self._set(position, parent, "inferred")

    def _set(self, position: int, parent: int | None, by: ParentBy) -> None:
        if parent is not None:
            self.parents[position] = parent
            self.by[position] = by

    def _entrances(self) -> tuple[dict[str, Enclosing], dict[str, Enclosing]]:
        """By service: all records of a request that entered it, and those of its inbound proxies alone."""
        everything: defaultdict[str, list[Interval]] = defaultdict(list)
        proxies: defaultdict[str, list[Interval]] = defaultdict(list)
        for position, row in enumerate(self.rows):
            match row:
                case SpanRow() if row.kind in ENTRANCES and _role(row) in ("", INBOUND):
                    everything[row.service].append((row.time, row.time + row.duration, position))
                case AccessLogRow() if row.proxy_role == INBOUND and row.kind != "attempt":
                    interval = (row.time, row.time + row.duration, position)
                    everything[row.service].append(interval)
                    proxies[row.service].append(interval)
        return (
            {service: Enclosing(intervals) for service, intervals in everything.items()},
            {service: Enclosing(intervals) for service, intervals in proxies.items()},
        )


class _Retries:
    """Finds the proxy that sent an attempt whose id it didn't log: it logs the last attempt's only.

    The strongest trace is the last attempt itself: same service, method and path, same clock, later, and its sender
    retried. Without one (the last attempt never arrived), a retrying proxy's request that lasts around the attempt.
    """

    def __init__(self, causes: Causes) -> None:
        self._last: defaultdict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
        self._rows = causes.rows
        senders: list[Interval] = []
        for position, row in enumerate(causes.rows):
            if not isinstance(row, AccessLogRow) or row.kind == "attempt":
                continue
            if row.upstream_attempts > 1:
                senders.append((row.time, row.time + row.duration, position))
            parent = causes.sender(position)
            sender = causes.rows[parent] if parent is not None else None
            if parent is not None and isinstance(sender, AccessLogRow) and sender.upstream_attempts > 1:
                self._last[row.service, row.method, row.path].append((row.time, parent))
        self._senders = Enclosing(senders)
        for attempts in self._last.values():
            attempts.sort()

    def find(self, position: int, row: AccessLogRow) -> int | None:
        if not row.parent_span_id:
            return None
        attempts = self._last.get((row.service, row.method, row.path), [])
        first = bisect_left(attempts, (row.time, -1))
        later = [parent for _, parent in attempts[first : first + SIBLINGS_LOOKED_AT]]
        around = [parent for parent in later if self._lasts_around(parent, row)]
        if around:
            return max(around, key=lambda parent: self._rows[parent].time)
        return later[0] if later else self._senders.find(row.time, row.time + row.duration, besides=position)

    def _lasts_around(self, position: int, row: AccessLogRow) -> bool:
        sender = self._rows[position]
        return (
            isinstance(sender, AccessLogRow)
            and sender.time <= row.time
            and row.time + row.duration <= sender.time + sender.duration
        )


def _around(intervals: Enclosing | None, time: int, duration: int, besides: int) -> int | None:
    """The innermost interval around ``[time, time + duration]``, else around its start alone, else the last one that
    began before it: work goes on after the proxy gave up, and a client that left leaves a record without duration."""
    if intervals is None:
        return None
    found = (intervals.find(time, end, besides) for end in (time + duration, time, 0))
    return next((position for position in found if position is not None), None)


def _role(row: SpanRow) -> str:
    """The proxy role of an Envoy's span; '' for an application's."""
    return row.resource.get(semconv.PROXY_ROLE) or row.attributes.get(semconv.PROXY_ROLE, "")
