"""`RedReader` over ClickHouse's native port; `ClickHouseReader` has its connections."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from weftline.collector.store.event_kinds import split
from weftline.collector.store.red import Dependency, ProxiedCalls, Quantiles, RedFilter, RedPoint

_SECOND: Final = 10**9


class ClickHouseRed:
    """See `RedReader` for what it owes."""

    def _query(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of `read/<name>.sql`."""
        raise NotImplementedError

    def dependencies(self, since: int, until: int) -> Sequence[Dependency]:
        rows = self._query("dependencies", since=since // _SECOND, until=-(-until // _SECOND))
        return [
            Dependency(caller, callee, calls, errors, _rounded(durations))
            for caller, callee, calls, errors, durations in rows
        ]

    def proxied_calls(self, since: int, until: int) -> Sequence[ProxiedCalls]:
        return [
            ProxiedCalls(service, role, cluster, callee, calls, errors, retried, _single(flags), _rounded(durations))
            for service, role, cluster, calls, errors, retried, flags, durations, callee in self._query(
                "proxied_calls", since=since, until=until
            )
        ]

    def red(self, filter: RedFilter) -> Sequence[RedPoint]:  # noqa: A002 - the protocol's name
        rows = self._query(
            "red",
            since=filter.since // _SECOND,
            until=-(-filter.until // _SECOND),
            step=filter.step // _SECOND,
            services=list(filter.services),
            operations=list(filter.operations),
            kinds=list(filter.kinds),
            by_operation=int(filter.by_operation),
        )
        return [
            RedPoint(start, service, operation, kind, calls, errors, _rounded(durations))
            for start, service, operation, kind, calls, errors, durations in rows
        ]


def _single(counted: Sequence[tuple[str, int]]) -> Mapping[str, int]:
    """By single flag, the most frequent first; one call may have several."""
    sums: Counter[str] = Counter()
    for flags, calls in counted:
        for flag in split(flags):
            sums[flag] += calls
    return dict(sums.most_common())


def _rounded(durations: Sequence[float]) -> Quantiles:
    return tuple(round(it) for it in durations)
