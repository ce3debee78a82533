"""Databases of older versions, with rows in them, become today's; and what was stored before is known after a restart."""

import os
import signal
from pathlib import Path

import pytest

from support.kill_nine import stored
from support.local import start_clickhouse
from support.otlp import START, access_log, log, logs_request, span, spans_request
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import migrate as migrating
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.migrate import migrate
from weftline.collector.store.protocol import AccessLogRow, LogRow, Signal, SpanRow
from weftline.collector.store.statements import Migration
from weftline.deploy.local.clickhouse import ClickHouse

pytestmark = pytest.mark.clickhouse

OLD, NEW = "0af7651916cd43dd8448eb211c80319c", "11111111111111111111111111111111"
OLD_SPAN = f"unhex('{OLD}'), toDateTime64('2026-11-18 11:06:40', 9, 'UTC'), 1000, unhex('{'b' * 16}'), 'cart', 'GET /pay', 'server', 'error', map('service.name', 'cart')"
OLD_LOG = f"unhex('{OLD}'), toDateTime64('2026-11-18 11:06:41', 9, 'UTC'), 'cart', 17, 'declined', map('service.name', 'cart')"
OLD_ACCESS_LOG = f"""unhex('{OLD}'), toDateTime64('2026-11-18 11:06:39', 9, 'UTC'), 'edge', map('service.name', 'edge'), map(
  'access_log_type', 'DownstreamEnd', 'method', 'GET', 'path', '/pay', 'response_code', '503', 'request_id', 'r1',
  'transaction_id', '{OLD}', 'duration_us', '1500')"""


def _select_of(view: str) -> str:
    [select] = [
        statement.partition(" AS\n")[2]
        for migration in statements.migrations()
        for statement in migration.statements
        if f"MATERIALIZED VIEW IF NOT EXISTS {view} " in statement
    ]
    return select


def _next_version() -> Migration:
    """What a later version brings: a column, and a view that says its query anew."""
    altered = "access_logs_from_otlp_logs"
    text = f"""ALTER TABLE spans ADD COLUMN IF NOT EXISTS added String DEFAULT 'none' CODEC(ZSTD(1));

ALTER TABLE {altered} MODIFY QUERY
{_select_of(altered)}"""
    return Migration(9000, "next_version", text)


@pytest.mark.parametrize("last", [8, 11, 20])
def test_a_database_of_an_older_version_becomes_todays_with_its_rows(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    settings = ClickHouseSettings(
        http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port, database=f"older_{last}"
    )
    everything = (*statements.migrations(), _next_version())
    with monkeypatch.context() as older:
        older.setattr(migrating.statements, "migrations", lambda: tuple(it for it in everything if it.number <= last))
        assert len(migrate(settings)) == sum(it.number <= last for it in everything)
    monkeypatch.setattr(migrating.statements, "migrations", lambda: everything)
    with connect(settings) as client:
        client.execute(
            f"INSERT INTO spans (transaction_id, time, duration, span_id, service, name, kind, status, resource) SELECT {OLD_SPAN}"
        )
        client.execute(
            "INSERT INTO otlp_logs (trace_id, time, service, severity_number, body, resource, attributes) "
            f"SELECT {OLD_LOG}, map()::Map(LowCardinality(String), String)"
        )
        client.execute(f"INSERT INTO otlp_logs (trace_id, time, service, resource, attributes) SELECT {OLD_ACCESS_LOG}")
    assert len(migrate(settings)) == sum(it.number > last for it in everything)
    assert migrate(settings) == []

    writer, reader = ClickHouseWriter(settings), ClickHouseReader(settings)
    writer.insert(Signal.SPANS, [spans_request(span(NEW, "c" * 16))], "1")
    writer.insert(Signal.LOGS, [logs_request(log(NEW, "c" * 16, "x"), access_log(NEW, "d" * 16, time=START - 1))], "2")
    for transaction in (OLD, NEW):
        kinds = [type(row) for row in reader.transaction(transaction, 10)]
        assert kinds == [AccessLogRow, SpanRow, LogRow], f"{transaction} after {last:04}"
    [proxied, of_span, line] = reader.transaction(OLD, 10)
    assert isinstance(proxied, AccessLogRow)
    assert isinstance(of_span, SpanRow)
    assert isinstance(line, LogRow)
    assert (proxied.path, proxied.response_code, proxied.request_id, proxied.kind) == ("/pay", 503, "r1", "end")
    assert (of_span.name, of_span.status, of_span.scope_attributes) == ("GET /pay", "error", {})
    assert line.body == "declined"
    assert list(reader.resolve("r1")) == [OLD]
    assert list(reader.services()) == ["cart", "edge"]
    with connect(settings) as client:
        assert client.execute("SELECT added, count() FROM spans GROUP BY added") == [("none", 2)]
        counted = client.execute(
            "SELECT lower(hex(transaction_id)), sum(spans), sum(logs) FROM transactions GROUP BY transaction_id ORDER BY 1"
        )
    assert counted == [(OLD, 1, 1), (NEW, 1, 1)]
    writer.close()
    reader.close()


def test_what_was_stored_is_known_after_the_servers_first_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view whose query was altered has another identity, by which repetitions are known, until then: it is settled."""
    everything = (*statements.migrations(), _next_version())
    monkeypatch.setattr(migrating.statements, "migrations", lambda: everything)
    with start_clickhouse(tmp_path) as server:
        settings = ClickHouseSettings(http_port=server.http_port, tcp_port=server.tcp_port)
        migrate(settings)
        writer = ClickHouseWriter(settings)

        def insert() -> None:
            writer.insert(Signal.SPANS, [spans_request(span(OLD, "c" * 16))], "1")
            records = [access_log(OLD, "d" * 16, request_id="r1"), log(OLD, "c" * 16, "x")]
            writer.insert(Signal.LOGS, [logs_request(*records, node_name="n")], "2")

        insert()
        before = stored(settings)
        assert before["access_logs"] == before["spans"] == (1, 1)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        server.wait(10)
        server.start()
        server.wait_ready()
        insert()
        writer.close()
        assert stored(settings) == before
