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


@lru_cache(maxsize=1024)
def only(tenant: str, database: str) -> Mapping[str, str]:
    """ClickHouse's settings for a query that sees the rows of ``tenant``; ``database`` is where the rows are.

    On a cluster that is the database of each server, behind the one that is asked: a shard that works on a view finds
    its tables by their full names only.
    """
    # Neither has quotes, wherever it came from.
    if not is_tenant(tenant) or not database.isidentifier():
        raise ValueError(f"{tenant!r} is no tenant's name, or {database!r} no database's")
    tables = [name for table in TABLES for name in (table, f"{database}.{table}")]
    filters = ", ".join(f"'{table}': 'tenant = ''{tenant}'''" for table in tables)
    return {"additional_table_filters": f"{{{filters}}}"}
