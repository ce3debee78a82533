"""The schema on a cluster: the same tables on every server, and over them tables that know all shards.

Each server has the database with the tables and views of a single one (`schema/`), its views work on its own rows. A
second database, `<database>_cluster`, has a Distributed table for each, under the same name: inserts and reads go
there, so the rest of the SQL is the same with and without a cluster. Rows go to the shard of their transaction, where
the views behind them put what they make of them: a transaction is on one shard with all its rows.

This module is the only one that knows what a migration or a table's name becomes on a cluster. Statements are run on
each server over its native port, not ON CLUSTER: that needs no queue of statements, and a server that was away gets
them by the next `weftline migrate`.
"""

import re
from dataclasses import replace
from typing import Final

from clickhouse_driver import Client

from weftline.collector.errors import Misconfigured
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect, executing

_ENGINE: Final = re.compile(r"\bENGINE = ((?:Replacing|Aggregating|Summing)?MergeTree)(?:\(([^)]*)\))?")
_TABLE: Final = re.compile(r"\bTABLE IF NOT EXISTS (\w+)")
_WINDOW: Final = re.compile(r"\bnon_replicated_deduplication_window = (\d+)")
WINDOW_SECONDS: Final = 7 * 86_400
"""A replicated table forgets tokens by age too, after an hour unless it is told; ingest may be away for longer."""


def local(settings: ClickHouseSettings) -> ClickHouseSettings:
    """The same server, its own tables instead of the cluster's."""
    return replace(settings, cluster="")


def servers(settings: ClickHouseSettings) -> list[list[ClickHouseSettings]]:
    """By shard, all replicas of it: each server's own tables. Without a cluster it is the one server there is.

    Raises `TryLater` when the server is away, `Misconfigured` when it doesn't know the cluster.
    """
    if not settings.cluster:
        return [[settings]]
    with executing(settings), connect(local(settings), database="default") as client:
        rows = client.execute(statements.shards("servers"))
    shards: dict[int, list[ClickHouseSettings]] = {}
    for cluster, shard, host, port in rows:
        if cluster == settings.cluster:
            shards.setdefault(shard, []).append(replace(local(settings), host=host, tcp_port=port))
    if not shards:
        known = ", ".join(sorted({cluster for cluster, *_ in rows})) or "none"
        raise Misconfigured(
            f"WEFTLINE_CLICKHOUSE_CLUSTER={settings.cluster!r} is no cluster that ClickHouse at {settings.host} knows "
            f"(system.clusters); it knows {known}."
        )
    return [shards[shard] for shard in sorted(shards)]


def one_a_shard(settings: ClickHouseSettings) -> list[ClickHouseSettings]:
    """Where to do what is to be done once a shard: its replicas tell each other. As `servers`."""
    return [server for shard in servers(settings) for server in (shard[:1] if settings.replicated else shard)]


def clustered(statement: str, settings: ClickHouseSettings) -> str:
    """A migration as it is run on each server of a cluster. Pure."""
    table = _TABLE.search(statement)
    if not settings.cluster or not settings.replicated or table is None:
        return statement

    def engine(found: re.Match[str]) -> str:
        place = f"'/clickhouse/tables/{{shard}}/{settings.database}/{table[1]}', '{{replica}}'"
        return f"ENGINE = Replicated{found[1]}({place}{', ' + found[2] if found[2] else ''})"

    window = rf"replicated_deduplication_window = \1, replicated_deduplication_window_seconds = {WINDOW_SECONDS}"
    return _WINDOW.sub(window, _ENGINE.sub(engine, statement))


def distribute(client: Client, settings: ClickHouseSettings) -> None:
    """Make the tables over all shards, on the server of ``client``, out of the tables that it has."""
    names = {"WHOLE": settings.whole, "DATABASE": settings.database, "CLUSTER": settings.cluster}
    client.execute(_sql("database", **names))
    for table, sorting_key, has_transaction in client.execute(_sql("tables", **names)):
        key = _key(table, sorting_key, has_transaction=bool(has_transaction))
        client.execute(_sql("distributed", TABLE=table, KEY=key, **names))


def _key(table: str, sorting_key: str, *, has_transaction: bool) -> str:
    """On which shard a row is put. The same row always on the same: a repeated insert must find its token there."""
    if has_transaction:
        return "cityHash64(transaction_id)"
    if table == "otlp_logs":
        return statements.shards("otlp_logs_key").strip()
    return f"cityHash64({sorting_key})" if sorting_key else "rand()"  # a view: nothing is put there


def _sql(name: str, **names: str) -> str:
    """Names are the schema's own, or were looked at by `migrate` (database) and `servers` (cluster)."""
    sql = statements.shards(name)
    for placeholder, value in names.items():
        sql = sql.replace(f"${placeholder}", value)
    return sql
