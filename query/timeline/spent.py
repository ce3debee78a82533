"""Where the time on a request's critical path was spent: in a service, a proxy, its queue, on the network, or in
something that recorded nothing. Pure. What no row says for sure is marked as inferred."""

from collections.abc import Iterable, Iterator, Sequence

from weftline.collector.store.protocol import AccessLogRow, SpanRow
from weftline.query.timeline.course import Course, Stretch
from weftline.query.timeline.hosts import role_of
from weftline.query.timeline.model import Piece, Place, Share

Zone = tuple[int, Place, bool]
"""Until when (ns from the first row's beginning), where, and whether that is inferred."""


def pieces(course: Course, path: Sequence[Stretch]) -> list[Piece]:
    """The critical path with the place of each piece; they cover what ``path`` covers, in the same order."""
    records = _records(course)
    found: list[Piece] = []
    for stretch in path:
        at = stretch.start
        for until, place, inferred in _zones(course, stretch.index, records.get(stretch.index)):
            end = min(until, stretch.end)
            if end > at:
                found.append(Piece(stretch.index, at, end, place, inferred))
                at = end
    return found


def shares(course: Course, path: Iterable[Piece]) -> list[Share]:
    """The path by place and service, the largest share first. They add up to the whole path."""
    together: dict[tuple[Place, str], list[Piece]] = {}
    for piece in path:
        together.setdefault((piece.place, course.rows[piece.entry].service), []).append(piece)
    found = [
        Share(
            place=place,
            service=service,
            duration=sum(it.end - it.start for it in those),
            inferred=any(it.inferred for it in those),
            longest=max(those, key=lambda it: it.end - it.start).entry,
        )
        for (place, service), those in together.items()
    ]
    return sorted(found, key=lambda share: -share.duration)


def _records(course: Course) -> dict[int, int]:
    """Of a proxy's span the position of the access log or attempt that is the proxy's record of the same."""
    return {
        parent: index
        for index, parent in enumerate(course.parents)
        if parent is not None and course.repeated[index] and isinstance(course.rows[parent], SpanRow)
    }


def _zones(course: Course, index: int, record: int | None) -> Iterator[Zone]:
    """The places of a row's own time, in order of time; the last one lasts for ever."""
    row = course.rows[index]
    followed = bool(course.timed_children(index))
    away: Place = Place.NETWORK if followed else Place.WAITING
    match row:
        case AccessLogRow(kind="attempt"):
            yield from _queue(course, index, row, away, inferred=True)
            yield (course.ends[index], away, True)
        case AccessLogRow() if row.time_to_first_upstream_tx_byte:
            # The proxy says itself when it sent the request on, and when it had the answer.
            start = course.starts[index]
            yield from _queue(course, index, row, Place.PROXY, inferred=False)
            yield (start + row.time_to_first_upstream_tx_byte, Place.PROXY, False)
            answered = row.time_to_last_upstream_rx_byte or row.time_to_first_upstream_rx_byte or row.duration
            yield (start + answered, away, True)
            yield (course.ends[index], Place.PROXY, False)
        case AccessLogRow():
            # One record stands for the proxy's work and its way to the next hop alike.
            yield from _queue(course, index, row, Place.PROXY, inferred=True)
            yield (course.ends[index], Place.PROXY, True)
        case SpanRow(kind="client" | "producer"):
            if record is not None and isinstance(it := course.rows[record], AccessLogRow):
                yield from _queue(course, record, it, away, inferred=True)
            yield (course.ends[index], away, True)
        case SpanRow() if role_of(row):
            if record is not None and isinstance(it := course.rows[record], AccessLogRow):
                yield from _queue(course, record, it, Place.PROXY, inferred=False)
            yield (course.ends[index], Place.PROXY, False)
        case _:
            yield (course.ends[index], Place.SERVICE, False)


def _queue(course: Course, index: int, record: AccessLogRow, before: Place, *, inferred: bool) -> Iterator[Zone]:
    """What precedes the proxy's wait for a connection to the upstream, and that wait, where it says how long it was.

    Where it doesn't say when it had the connection, the wait is taken to have begun with the request.
    """
    if record.connection_pool_ready_duration:
        start = course.starts[index]
        ready = record.time_to_first_upstream_tx_byte or record.connection_pool_ready_duration
        yield (start + ready - record.connection_pool_ready_duration, before, inferred)
        yield (start + ready, Place.QUEUE, not record.time_to_first_upstream_tx_byte)
