"""kill -9 of edge, ingest, Kafka and ClickHouse at random moments under load: what was answered is stored, once.

`KILL_ROUNDS=20` makes more rounds, `KILL_SEED=N` (a failed run prints it) kills the same processes in the same order.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.kill_nine import Senders, expected, kill_rounds, stored, transactions, twice
from support.local import start_clickhouse, start_kafka
from support.roles import Edge, Ingest
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.migrate import migrate
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.process import Process

pytestmark = [pytest.mark.e2e, pytest.mark.clickhouse, pytest.mark.timeout(1200)]

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
SEED = int(os.environ.get("KILL_SEED", random.randrange(10**6)))


@pytest.fixture
def clickhouse(tmp_path: Path) -> Iterator[ClickHouse]:
    """One that may be killed."""
    with start_clickhouse(tmp_path / "clickhouse") as server:
        yield server


def run(edge: Edge, processes: Mapping[str, Process], store: ClickHouseSettings) -> None:
    """Rounds of kills under load, then all that was answered is waited for and compared."""
    with Senders(edge, SEED) as senders:
        done = kill_rounds(ROUNDS, processes, random.Random(SEED))
    sent = senders.sent
    report = f"KILL_SEED={SEED} KILL_ROUNDS={ROUNDS}\n" + "\n".join(done)
    print(report, dict(sent), sep="\n")
    _wait(store, sent)
    assert senders.refusals == []
    assert stored(store) == expected(sent), f"{report}\n{twice(store)}"
    assert transactions(store) == senders.acknowledged, report
    assert {name for name, it in processes.items() if not it.running} == set(), report


def _wait(store: ClickHouseSettings, sent: Counter[str]) -> None:
    """Until everything is there, and then whether more comes; for long only while it is getting more."""
    before, changed = None, time.monotonic()
    while time.monotonic() - changed < 75:
        now = stored(store)
        if now == expected(sent):
            time.sleep(1.5)
            return
        if now != before:
            before, changed = now, time.monotonic()
        time.sleep(0.2)


@pytest.mark.kafka
def test_through_kafka(tmp_path: Path, clickhouse: ClickHouse, store: ClickHouseSettings) -> None:
    with ExitStack() as stack:
        kafka = stack.enter_context(start_kafka(tmp_path / "kafka"))
        bus = {"WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "WEFTLINE_INGEST_BATCH_SECONDS": 0.2}
        edge = stack.enter_context(Edge(tmp_path, store, **bus))
        # One encodes spans itself as soon as it can, so that ranges are inserted again by another way than before.
        ingests = [
            stack.enter_context(Ingest(tmp_path, store, **bus, WEFTLINE_CLICKHOUSE_NATIVE=native))
            for native in ("true", "false")
        ]
        processes = {"edge": edge, "ingest 1": ingests[0], "ingest 2": ingests[1], "kafka": kafka, "clickhouse": clickhouse}  # fmt: skip
        run(edge, processes, store)


def test_direct(tmp_path: Path, clickhouse: ClickHouse, store: ClickHouseSettings) -> None:
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.02, WEFTLINE_CLICKHOUSE_NATIVE="true") as edge:
        run(edge, {"edge": edge, "clickhouse": clickhouse}, store)


@pytest.fixture
def store(clickhouse: ClickHouse) -> ClickHouseSettings:
    settings = ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port)
    migrate(settings)
    return settings
