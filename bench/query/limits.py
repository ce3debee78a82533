"""What a look-up can't cost less than, on this ClickHouse: an empty query, and bare reads by primary key.

The same connection, settings and ids as the service's, without the service: no tenant's filter, no aliases, no JSON.
"""

from collections.abc import Sequence
from typing import Final

from bench.cpu import cpu_seconds
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect

ROUNDS: Final = 4
_OF: Final = (
    "PREWHERE intDiv(toUnixTimestamp64Nano(time), 900000000000) = %(quarter_hour)s AND transaction_id = unhex(%(id)s)"
)
_QUARTER_HOUR: Final = """
SELECT any(intDiv(toUnixTimestamp64Nano(first_time), 900000000000)) FROM transactions WHERE transaction_id = unhex(%(id)s)
"""
QUERIES: Final = {
    "SELECT 1": ("SELECT 1",),
    "one column of the spans, by key": (f"SELECT duration FROM spans {_OF}",),
    "one column of each kind of row, 3 queries": tuple(
        f"SELECT time FROM {table} {_OF}" for table in ("spans", "logs", "access_logs")
    ),
    "every column of each kind of row, 3 queries": tuple(
        f"SELECT * FROM {table} {_OF}" for table in ("spans", "logs", "access_logs")
    ),
}


def measure(settings: ClickHouseSettings, pid: int, ids: Sequence[str]) -> dict[str, float]:
    """What is read → CPU ms of ClickHouse for it, of the best round."""
    found = {}
    with connect(settings) as client:
        keys = [{"id": one, "quarter_hour": client.execute(_QUARTER_HOUR, {"id": one})[0][0]} for one in ids]
        bare = {"max_threads": 1, "send_profile_events": 0, "strings_as_bytes": True}
        for name, queries in QUERIES.items():
            rounds = []
            for _ in range(ROUNDS):
                begun = cpu_seconds(pid)
                for key in keys:
                    for query in queries:
                        client.execute(query, key, settings=bare)
                rounds.append(cpu_seconds(pid) - begun)
            found[name] = min(rounds) / len(ids) * 1e3
    return found
