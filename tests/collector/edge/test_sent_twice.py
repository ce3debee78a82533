"""A sender whose answer was lost sends its request again: what readers and counters show is doubled by nothing."""

import os
import signal
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.otlp import log, logs_request, span, spans_request
from support.roles import Edge, metrics
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.process import Process

pytestmark = pytest.mark.clickhouse


def post(edge: Edge, path: str, body: bytes) -> int:
    request = urllib.request.Request(edge.url(path), data=body, headers={"Content-Type": "application/x-protobuf"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def shown(store: ClickHouseSettings, reader: ClickHouseReader, transaction: str) -> tuple[int, int, int]:
    """(rows in the timeline, spans counted, logs counted)"""
    with connect(store) as client:
        [row] = client.execute(
            "SELECT sum(spans), sum(logs) FROM transactions WHERE transaction_id = unhex(%(id)s)", {"id": transaction}
        )
    return len(reader.transaction(transaction, 1000)), *row


@contextmanager
def stopped(process: Process) -> Iterator[None]:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def test_the_same_request_again_also_to_another_edge(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader
) -> None:
    transaction = uuid.uuid4().hex
    spans = spans_request(*(span(transaction, f"{n:016x}") for n in range(1, 4)))
    logs = logs_request(log(transaction, "1" * 16, "hello", severity_number=17))
    for number in range(2):
        with Edge(tmp_path / str(number), store, WEFTLINE_EDGE_DIRECT_LINGER=0.01) as edge:
            for path, body in (("/v1/traces", spans), ("/v1/logs", logs), ("/v1/traces", spans)):
                assert post(edge, path, body) == 200
            with ThreadPoolExecutor(4) as pool:
                assert set(pool.map(lambda _: post(edge, "/v1/traces", spans), range(8))) == {200}
            assert metrics(edge.http_port)['weftline_messages_total{outcome="duplicate",signal="otlp_spans"}'] >= 1
    assert shown(store, reader, transaction) == (4, 3, 1)


def test_an_insert_of_which_nobody_knows_the_outcome(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader, clickhouse: ClickHouse
) -> None:
    """ClickHouse hangs, the edge gives up waiting and says 503, ClickHouse goes on and stores it, the senders try again."""
    transaction = uuid.uuid4().hex
    bodies = [spans_request(span(transaction, f"{n:016x}")) for n in range(1, 6)]
    settings = {"WEFTLINE_CLICKHOUSE_TIMEOUT": 1, "WEFTLINE_EDGE_DIRECT_LINGER": 0.3}
    with Edge(tmp_path, store, **settings) as edge, ThreadPoolExecutor(5) as pool:
        assert post(edge, "/v1/traces", spans_request(span(transaction, "f" * 16))) == 200
        with stopped(clickhouse):
            assert set(pool.map(lambda it: post(edge, "/v1/traces", it), bodies)) == {503}
        time.sleep(0.5)
        for body in reversed(bodies):
            deadline = time.monotonic() + 60
            while post(edge, "/v1/traces", body) != 200:
                assert time.monotonic() < deadline
                time.sleep(0.2)
    assert shown(store, reader, transaction) == (6, 6, 0)


def test_a_killed_edge_and_senders_that_try_again(
    tmp_path: Path, store: ClickHouseSettings, reader: ClickHouseReader
) -> None:
    """kill -9 in direct mode: what was begun the next edge brings to its end."""
    transaction = uuid.uuid4().hex
    bodies = [spans_request(span(transaction, f"{n:016x}")) for n in range(1, 41)]
    with ThreadPoolExecutor(8) as pool:
        with Edge(tmp_path / "1", store, WEFTLINE_EDGE_DIRECT_LINGER=0.02) as edge:
            sent = [pool.submit(post, edge, "/v1/traces", body) for body in bodies]
            assert sent[0].result() == 200
            assert edge.pid is not None
            os.kill(edge.pid, signal.SIGKILL)
            wait(sent)
        with Edge(tmp_path / "2", store, WEFTLINE_EDGE_DIRECT_LINGER=0.02) as edge:
            assert set(pool.map(lambda it: post(edge, "/v1/traces", it), bodies)) == {200}
    assert shown(store, reader, transaction) == (40, 40, 0)
