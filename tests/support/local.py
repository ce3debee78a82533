"""The real parts for tests, from the local stack: ClickHouse, Kafka. Wired into fixtures by conftest.py files.

Each yields a running server on free ports and stops it afterwards. What can't be had here skips the test, except in CI
(environment variable CI), where it fails: a skipped test proves nothing.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from weftline.collector.errors import Misconfigured
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.migrate import migrate
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.kafka import Kafka
from weftline.deploy.local.ports import free_port

# Tests kill servers, never the machine: what a CREATE TABLE wrote need not be on the disk yet. Half the time of a migration.
WITHOUT_FSYNC = "  <profiles><default><fsync_metadata>0</fsync_metadata></default></profiles>\n"


@contextmanager
def start_clickhouse(folder: Path) -> Iterator[ClickHouse]:
    """A server with its data in ``folder``, on ports other tests don't use."""
    with ClickHouse(folder, tcp_port=free_port(), http_port=free_port(), more=WITHOUT_FSYNC) as server:
        yield server


@contextmanager
def own_database(server: ClickHouse, name: str) -> Iterator[ClickHouseSettings]:
    """At the newest schema. It goes afterwards: a server that keeps hundreds of them is busy with their tables."""
    settings = ClickHouseSettings(http_port=server.http_port, tcp_port=server.tcp_port, database=name)
    migrate(settings)
    yield settings
    with connect(settings, database="default") as client:
        client.execute(f"DROP DATABASE {name}")


@contextmanager
def start_kafka(folder: Path) -> Iterator[Kafka]:
    """A single-node broker with its data in ``folder``; skips (fails in CI) without Java or Maven."""
    broker = Kafka(folder, port=free_port())
    try:
        broker.start()
    except Misconfigured as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with warnings.catch_warnings():
        # kafka-python 3.0 reads its schemas, as it is imported, with a function Python 3.11 calls deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        import kafka  # noqa: F401
    try:
        broker.wait_ready()
        yield broker
    finally:
        broker.stop()
