"""Several queries at the same time, on a real ClickHouse."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from weftline.collector.errors import TryLater
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import ClickHouseConnections
from weftline.collector.store.tenants import Asker

pytestmark = pytest.mark.clickhouse

NUMBERS = "SELECT toString(number), %(what)s FROM numbers(%(rows)s)"


@pytest.fixture
def asker() -> Asker:
    return Asker("a")


@pytest.fixture
def connections(store: ClickHouseSettings, asker: Asker) -> Iterator[ClickHouseConnections]:
    with closing(ClickHouseConnections(store, lambda: asker)) as connections:
        yield connections


def test_each_query_has_its_answer_in_order(connections: ClickHouseConnections, asker: Asker) -> None:
    answers = connections.lines_at_once([(NUMBERS, {"what": str(rows), "rows": rows}) for rows in (3, 0, 2)])
    assert answers == [[(b"0", b"3"), (b"1", b"3"), (b"2", b"3")], [], [(b"0", b"2"), (b"1", b"2")]]
    assert asker.rows == 5
    assert connections.lines_at_once([(NUMBERS, {"what": "one", "rows": 1})]) == [[(b"0", b"one")]]


def test_they_run_at_the_same_time(connections: ClickHouseConnections) -> None:
    """Each waits until it sees the other: one after the other the first would wait in vain."""
    running = "SELECT toString(count()) FROM system.processes WHERE query LIKE '%%of the pair%%'"
    pair = "SELECT 'of the pair' FROM numbers(1) WHERE NOT ignore(sleepEachRow(3))"
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            [(count,)] = connections.lines(running, {})
            seen.append(int(count) - 1)  # without the one that asks

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        connections.lines_at_once([(pair, {}), (pair, {})])
    finally:
        over.set()
        watcher.join()
    assert max(seen) == 2


@pytest.mark.parametrize("bad", [0, 1])
def test_one_that_fails_fails_all_and_breaks_no_connection(connections: ClickHouseConnections, bad: int) -> None:
    asked = [(NUMBERS, {"what": "good", "rows": 1})] * 2
    asked[bad] = ("SELECT toString(nowhere) FROM spans", {})
    with pytest.raises(TryLater, match="nowhere"):
        connections.lines_at_once(asked)
    assert connections.lines_at_once([(NUMBERS, {"what": "good", "rows": 1})] * 2) == [[(b"0", b"good")]] * 2
