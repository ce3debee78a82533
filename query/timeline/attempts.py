"""Which proxy request each upstream attempt belongs to. Pure; `causes` asks it.

An attempt's log has the ids of what it sent (`upstream_span_id`) but none of the request it was made for: Envoy leaves
them empty there. The last attempt's id stands in the request's own log too. An earlier one is found by what one proxy
process says of one downstream request: its connection, its x-request-id, and the time, by the same clock.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from weftline.collector.store.protocol import AccessLogRow, Row
from weftline.query.timeline.enclosing import Enclosing
from weftline.query.timeline.model import ParentBy

CONNECTION_ID: Final = "connection_id"
"""Attribute of a proxy's records: the downstream connection."""

Key = tuple[str, str, str, str, str]


class Attempts:
    """The attempts of one transaction. Rows are named by their position in the sequence passed in.

    ``requests[i]`` is, for attempt i, the position of its request's log and how that is known; attempts of a request
    whose log isn't there have no item. ``senders`` maps the span id that an attempt sent upstream to its position, for
    requests that were sent more than once: with one attempt, it and the request are the same sender.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.requests: dict[int, tuple[int, ParentBy]] = {}
        self.senders: dict[str, int] = {}
        attempts: list[tuple[int, AccessLogRow]] = []
        requests: list[tuple[int, AccessLogRow]] = []
        for position, row in enumerate(rows):
            if isinstance(row, AccessLogRow) and row.kind in ("attempt", "end"):
                (attempts if row.kind == "attempt" else requests).append((position, row))
        if attempts:
            self._assign(attempts, requests)
            self._find_senders(attempts)

    def _assign(self, attempts: list[tuple[int, AccessLogRow]], requests: list[tuple[int, AccessLogRow]]) -> None:
        last = {(_key(row), row.upstream_span_id): position for position, row in reversed(requests)}
        intervals: defaultdict[Key, list[tuple[int, int, int]]] = defaultdict(list)
        for position, row in requests:
            intervals[_key(row)].append((row.time, row.time + row.duration, position))
        around = {key: Enclosing(those) for key, those in intervals.items()}
        for position, row in attempts:
            key = _key(row)
            if (request := last.get((key, row.upstream_span_id))) is not None:
                self.requests[position] = (request, "span")
            elif key in around and (request := around[key].find(row.time, row.time)) is not None:
                # Two requests at once with the same id on the same connection: a guess.
                two = around[key].find(row.time, row.time, besides=request) is not None
                self.requests[position] = (request, "inferred" if two else "span")

    def _find_senders(self, attempts: list[tuple[int, AccessLogRow]]) -> None:
        of_request: defaultdict[int, list[tuple[int, AccessLogRow]]] = defaultdict(list)
        for position, row in attempts:
            if position in self.requests:
                of_request[self.requests[position][0]].append((position, row))
            elif row.upstream_span_id:
                self.senders.setdefault(row.upstream_span_id, position)
        for those in of_request.values():
            if len({row.upstream_span_id for _, row in those}) > 1:
                for position, row in those:
                    self.senders.setdefault(row.upstream_span_id, position)


def _key(row: AccessLogRow) -> Key:
    """What is the same in the logs of a request and of its attempts, and differs for most others."""
    return (row.service, row.node_id, row.proxy_role, row.request_id, row.attributes.get(CONNECTION_ID, ""))
