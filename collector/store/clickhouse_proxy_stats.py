"""`ProxyStatsStore` over ClickHouse's native port: small inserts, a few a minute."""

from collections.abc import Sequence
from dataclasses import astuple
from datetime import UTC, datetime

from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect, executing
from weftline.collector.store.proxy_stats import ProxyStatRow
from weftline.collector.store.tenants import only


class ClickHouseProxyStats:
    """See `ProxyStatsStore` for what it owes; rows are ``tenant``'s. A connection a call: calls are seconds apart."""

    def __init__(self, settings: ClickHouseSettings, tenant: str = "") -> None:
        self._settings = settings
        self._tenant = tenant

    def insert(self, rows: Sequence[ProxyStatRow], token: str) -> None:
        if not rows:
            return
        options = {"insert_deduplication_token": token, "deduplicate_blocks_in_dependent_materialized_views": 1}
        data = [(_time(row.time), _time(row.since), *astuple(row)[2:], self._tenant) for row in rows]
        with executing(self._settings), connect(self._settings) as client:
            client.execute(statements.text("insert/proxy_stats.sql"), data, settings=options)

    def latest(self, since: int) -> Sequence[ProxyStatRow]:
        sql = statements.read("proxy_stats_latest")
        with executing(self._settings), connect(self._settings) as client:
            rows = client.execute(sql, {"since": since}, settings=only(self._tenant, self._settings, sql))
        return [ProxyStatRow(*row) for row in rows]

    def check(self) -> None:
        self.latest(2**40)


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
