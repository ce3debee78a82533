"""`MeshReader` over ClickHouse's native port; `ClickHouseReader` has its connections."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from weftline.collector.store.mesh import (
    EventCount,
    EventFilter,
    EventRow,
    Hop,
    OpenRequest,
    OutboundCall,
    PassedCount,
    StatSum,
)

_NO_SPAN: Final = "0" * 16
_NO_TRACE: Final = "0" * 32
_END_OF_TIME: Final = 2**63 - 1


class ClickHouseMesh:
    """See `MeshReader` for what it owes."""

    def _query(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of `read/<name>.sql`."""
        raise NotImplementedError

    def events(self, filter: EventFilter, limit: int, before: tuple[int, str] | None = None) -> Sequence[EventRow]:  # noqa: A002 - the protocol's name
        time, id_ = before or (_END_OF_TIME, "0")
        rows = self._query("events", limit=limit, before_time=time, before_id=int(id_, 16), **_parameters(filter))
        return [_event(row) for row in rows]

    def event_counts(self, filter: EventFilter, interval: int) -> Sequence[EventCount]:  # noqa: A002 - the protocol's name
        return [EventCount(*row) for row in self._query("event_counts", interval=interval, **_parameters(filter))]

    def hops(self, transaction_ids: Sequence[str]) -> Sequence[Hop]:
        if not transaction_ids:
            return []
        return [_hop(row) for row in self._query("hops", ids=list(transaction_ids))]

    def proxy_stats(self, since: int, until: int) -> Sequence[StatSum]:
        return [StatSum(*row) for row in self._query("proxy_stats", since=since, until=until)]

    def proxy_records(self, since: int, until: int) -> Mapping[str, int]:
        return dict(self._query("proxy_records", since=since // 10**9, until=until // 10**9))

    def passed_on(self, since: int, until: int) -> Sequence[PassedCount]:
        return [
            PassedCount(
                service, node_id, passed, count, [OutboundCall(service, node_id, passed, *call) for call in newest]
            )
            for service, node_id, passed, count, newest in self._query("propagation", since=since, until=until)
        ]

    def open_request(self, service: str, node_id: str, time: int) -> OpenRequest | None:
        rows = self._query("open_requests", service=service, node_id=node_id, time=time)
        return OpenRequest(*rows[0]) if rows else None


def _parameters(filter: EventFilter) -> dict[str, Any]:  # noqa: A002 - the protocol's name
    return {
        "since": filter.since,
        "until": filter.until,
        "kinds": list(filter.kinds),
        "services": list(filter.services),
        "routes": list(filter.routes),
        "clusters": list(filter.clusters),
        "stored_since": filter.stored_since // 1_000_000,
    }


def _event(row: tuple[Any, ...]) -> EventRow:
    time, id_, kind, reason, transaction_id, span_id, *rest = row
    return EventRow(time, id_, kind, reason, _or_none(transaction_id), _or_none(span_id), *rest)


def _hop(row: tuple[Any, ...]) -> Hop:
    transaction_id, span_id, parent, upstream, *rest = row
    return Hop(transaction_id, _or_none(span_id), _or_none(parent), _or_none(upstream), *rest)


def _or_none(id_: str) -> str:
    return "" if id_ in (_NO_SPAN, _NO_TRACE) else id_
