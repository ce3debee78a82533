"""Brings a database to the newest schema: `schema/NNNN_*.sql` in order, each recorded once it has run.

Every statement may run twice (`IF NOT EXISTS`, `MODIFY QUERY`), so that a run that died half-way, or two at once, end
in the same schema.
"""

import hashlib
import logging
import re

from clickhouse_driver import Client

from weftline.collector.errors import Misconfigured
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect, executing
from weftline.collector.store.cluster import clustered, distribute, servers

logger = logging.getLogger(__name__)

_ALTERED = re.compile(r"ALTER TABLE (\w+) MODIFY QUERY")
_RECORD = """CREATE TABLE IF NOT EXISTS schema_migrations
(number UInt32, name String, checksum String, applied DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplacingMergeTree ORDER BY number"""


def migrate(settings: ClickHouseSettings) -> list[str]:
    """Apply what is missing, on every server of a cluster; returns the names applied, oldest first.

    Raises `TryLater` when ClickHouse is away and `Misconfigured` when the database holds a migration that this version
    doesn't know, or knows with other text, or when there is no such cluster.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", settings.database):
        raise Misconfigured(f"WEFTLINE_CLICKHOUSE_DATABASE={settings.database!r} is not a database name.")
    applied: dict[str, None] = {}
    every = [server for shard in servers(settings) for server in shard]
    for server in every:
        with executing(server), connect(server, database="default") as client:
            client.execute(f"CREATE DATABASE IF NOT EXISTS {server.database}")
        with executing(server), connect(server) as client:
            client.execute(_RECORD)
            applied |= dict.fromkeys(_apply(client, settings))
    if settings.cluster:
        for server in every:  # all have their tables now
            with executing(server), connect(server) as client:
                distribute(client, settings)
    return list(applied)


def _apply(client: Client, settings: ClickHouseSettings) -> list[str]:
    recorded = dict(client.execute("SELECT number, checksum FROM schema_migrations FINAL"))
    known = {migration.number: migration for migration in statements.migrations()}
    unknown = sorted(set(recorded) - set(known))
    if unknown:
        raise Misconfigured(
            f"Database {settings.database} has migrations that this version does not know: {unknown}. "
            "Start the version that made them, or a newer one."
        )
    applied = []
    last = max(set(known) - set(recorded), default=0)
    for number, migration in known.items():
        checksum = hashlib.sha256(migration.text.encode()).hexdigest()
        if number in recorded:
            if recorded[number] != checksum:
                raise Misconfigured(
                    f"Migration {number:04} {migration.name} was applied to database {settings.database} with another "
                    "text. Migrations never change: put the change into a new one."
                )
            continue
        for statement in migration.statements:
            client.execute(clustered(statement, settings))
        if number == last:
            _settle_altered_views(client)
        client.execute(
            "INSERT INTO schema_migrations (number, name, checksum) VALUES",
            [(number, migration.name, checksum)],
        )
        applied.append(migration.name)
        logger.info("Applied a migration number=%d name=%s.", number, migration.name)
    return applied


def _settle_altered_views(client: Client) -> None:
    """Give views whose query was altered the identity that they will have after ClickHouse's next start.

    The deduplication of what a view stores goes by that identity, and until the next start it is another one: an insert
    that is repeated after a crash would be stored twice. Renaming a view there and back settles it; it stays a view of
    its table all the while.
    """
    for view in sorted({found[1] for it in statements.migrations() for found in _ALTERED.finditer(it.text)}):
        aside = f"{view}_renamed"
        client.execute(f"RENAME TABLE IF EXISTS {aside} TO {view}")  # where a process died in between
        client.execute(f"RENAME TABLE {view} TO {aside}, {aside} TO {view}")
