"""What changed since the look before: the rows of one look at one proxy. Pure; times are ms since the epoch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from weftline.collector.scrape.stats import GAUGES, SCRAPES, Key, Stats
from weftline.collector.store.proxy_stats import ProxyStatRow


@dataclass(slots=True)
class Seen:
    """The look before at one proxy."""

    time: int
    values: dict[Key, float] = field(default_factory=dict)


class Increases:
    """Remembers the last look at each proxy, by its node id."""

    def __init__(self, rows: Iterable[ProxyStatRow] = ()) -> None:
        """``rows``: the newest stored ones, so that a restart of ours leaves no gap."""
        self._seen: dict[str, Seen] = {}
        for row in rows:
            seen = self._seen.setdefault(row.node_id, Seen(row.time))
            seen.time = max(seen.time, row.time)
            seen.values[Key(row.stat, row.scope, row.worker)] = row.value

    def rows(self, node_id: str, service: str, target: str, time: int, stats: Stats) -> list[ProxyStatRow]:
        """The rows to store for this look, which is remembered.

        At the very first look at a proxy its counters begin: what they counted before belongs to no known time.
        """
        seen = self._seen.get(node_id)
        since = seen.time if seen else time
        rows = [
            ProxyStatRow(time, since, node_id, service, target, key.stat, key.scope, key.worker, value, increase)
            for key, value, increase in self._changes(seen, stats)
        ]
        rows.append(ProxyStatRow(time, since, node_id, service, target, SCRAPES, "", "", 1, 1 if seen else 0))
        self._seen[node_id] = Seen(time, {**stats.counters, **stats.gauges})
        return rows

    @staticmethod
    def _changes(seen: Seen | None, stats: Stats) -> Iterator[tuple[Key, float, float]]:
        before = seen.values if seen else {}
        for key, value in stats.counters.items():
            if seen is None:
                if value:
                    yield key, value, 0.0
                continue
            # A counter that fell was begun anew with its process.
            last = before.get(key, 0.0)
            increase = value - last if value >= last else value
            if increase or value != last:
                yield key, value, increase
        for key, value in stats.gauges.items():
            if value or before.get(key):
                yield key, value, 0.0
        for key, value in before.items():
            if key.stat in GAUGES and value and key not in stats.gauges:
                yield key, 0.0, 0.0
