"""Fixtures every test can ask for, and the rule that only marked tests open sockets."""

import itertools
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from support.local import own_database, start_clickhouse, start_kafka
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.kafka import Kafka

_SOCKET_MARKS = {"socket", "clickhouse", "kafka", "envoy", "e2e", "browser"}
_numbers = itertools.count(1)


def pytest_configure() -> None:
    """What every program that a test starts finds.

    A shell's background job (`make test &`, nohup) ignores SIGINT, and so would they. And each edge would load numba, which
    costs more than most tests; those of `store/native` say that they want it.
    """
    os.environ.setdefault("WEFTLINE_CLICKHOUSE_NATIVE", "false")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test without one of the marks fails when it connects or listens, also if the code swallows the error."""
    if _SOCKET_MARKS & {mark.name for mark in request.node.iter_markers()}:
        return

    def refuse(self: socket.socket, address: object, *_: object) -> None:
        if self.family != socket.AF_UNIX:
            pytest.fail(f"This test opens a socket ({address!r}) but has none of the marks {sorted(_SOCKET_MARKS)}.")

    for name in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse)


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """One real server for the whole run."""
    with start_clickhouse(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture
def store(clickhouse: ClickHouse) -> Iterator[ClickHouseSettings]:
    """A database of the test's own, at the newest schema."""
    with own_database(clickhouse, f"test_{next(_numbers)}") as settings:
        yield settings


@pytest.fixture
def writer(store: ClickHouseSettings) -> Iterator[ClickHouseWriter]:
    with closing(ClickHouseWriter(store)) as writer:
        yield writer


@pytest.fixture
def reader(store: ClickHouseSettings) -> Iterator[ClickHouseReader]:
    with closing(ClickHouseReader(store)) as reader:
        yield reader


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One real broker for the whole run; tests tell their topics or groups apart."""
    with start_kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker
