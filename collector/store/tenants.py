"""Whose rows a read sees: ClickHouse's `additional_table_filters`, put on every query by `ClickHouseConnections`.

The server adds the condition to each table that a query reads, also below views and in subqueries, so a query that
forgets its tenant reads one tenant's rows like any other. Not row policies: to make those takes a right that the users
of many servers lack, and a custom setting that the server's configuration has to allow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from weftline.collector.access.identity import is_tenant
from weftline.collector.settings import ClickHouseSettings

TABLES: Final = (
    "access_logs",
    "aliases",
    "events",
    "half_edges",
    "logs",
    "operations",
    "proxy_records",
    "proxy_stats",
    "request_ids",
    "services",
    "span_metrics",
    "spans",
    "transaction_times",
    "transactions",
)
"""Tables with rows of tenants: all but `SHARED`."""
SHARED: Final = ("backfill_runs", "direct_inserts", "lookups", "retention_runs", "schema_migrations", "stored_messages")
"""Tables of our own bookkeeping: no route reads them."""


@dataclass(slots=True)
class Asker:
    """For whom the store is asked, and how much it has answered so far."""

    tenant: str = ""
    rows: int = 0


Ask = Callable[[], Asker]
"""Who asks now. Raises where that must be known and isn't."""


def nobody_in_particular() -> Asker:
    """For processes that know no tenants: they see the rows of no tenant."""
    return Asker()


def only(tenant: str, settings: ClickHouseSettings, sql: str) -> Mapping[str, str]:
    """ClickHouse's settings for the query ``sql``, which then sees the rows of ``tenant``.

    Filters are put on the tables that the query can read: those whose names are in it, and a view's name holds those of
    the tables below it. Not on all, because ClickHouse parses each again for every part of a query.
    """
    return _filters(tenant, settings.database, bool(settings.cluster), tuple(name for name in TABLES if name in sql))


@lru_cache(maxsize=1024)
def _filters(tenant: str, database: str, on_cluster: bool, tables: tuple[str, ...]) -> Mapping[str, str]:
    # Neither has quotes, wherever it came from.
    if not is_tenant(tenant) or not database.isidentifier():
        raise ValueError(f"{tenant!r} is no tenant's name, or {database!r} no database's")
    names = [f"{database}.{table}" for table in tables]
    if on_cluster:
        # The Distributed tables, which are asked, are in another database than each server's; behind them a shard that
        # works on a view finds its tables by their full names only.
        names += tables
    filters = ", ".join(f"'{name}': 'tenant = ''{tenant}'''" for name in names)
    return {"additional_table_filters": f"{{{filters}}}"}
