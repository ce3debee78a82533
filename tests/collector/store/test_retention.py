"""Old days go, failed and slow transactions may stay: the plan by itself, and on a real ClickHouse."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from clickhouse_driver import Client

from support.otlp import access_log, log, logs_request, span, spans_request
from support.roles import environment
from weftline.collector.settings import ClickHouseSettings, RetentionSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.collector.store.retention import Plan, plan, retain

TODAY = date(2026, 11, 22)
FAILED, SLOW, PLAIN, REFUSED = "1" * 32, "2" * 32, "3" * 32, "4" * 32
SECOND = 10**9
WEEK = RetentionSettings(
    spans_days=7, logs_days=7, access_logs_days=7, failed_days=30, slow_days=14, slow_seconds=2.0, events_days=20,
    metrics_days=20, edges_days=3,
)  # fmt: skip


def noon(days_ago: int) -> int:
    day = TODAY - timedelta(days=days_ago)
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("table", "days_ago", "due"),
    [
        ("spans", 7, None), ("spans", 8, "failed+slow"), ("spans", 14, "failed+slow"), ("spans", 15, "failed"), ("spans", 30, "failed"),
        ("spans", 31, ""), ("transactions", 8, "failed+slow"), ("transactions", 31, ""), ("half_edges", 3, None), ("half_edges", 4, ""),
        ("events", 20, None), ("events", 21, ""), ("span_metrics", 21, ""), ("proxy_stats", 21, ""), ("aliases", 8, "failed+slow"),
    ],
)  # fmt: skip
def test_what_is_due(table: str, days_ago: int, due: str | None) -> None:
    plans = plan(WEEK, [(table, TODAY - timedelta(days=days_ago))], TODAY)
    assert [it.rule for it in plans] == ([] if due is None else [due])


def test_nothing_is_due_unless_it_is_said() -> None:
    assert plan(RetentionSettings(), [("spans", date(1971, 1, 1))], TODAY) == []
    # What leads to rows stays as long as one kind of them does.
    some = RetentionSettings(spans_days=1, access_logs_days=1)
    days = [(table, date(2026, 1, 1)) for table in ("transactions", "spans", "logs", "aliases")]
    assert plan(some, days, TODAY) == [Plan("spans", date(2026, 1, 1), failed=False, slow=False)]


def test_transactions_are_thinned_out_after_those_that_ask_them() -> None:
    days = [(table, TODAY - timedelta(days=9)) for table in ("transactions", "spans", "aliases")]
    assert [it.table for it in plan(WEEK, days, TODAY)] == ["spans", "aliases", "transactions"]


def store_day(writer: ClickHouseWriter, days_ago: int, more: str = "") -> None:
    """Of each kind of transaction one a day; the ids differ by day."""
    time, digit = noon(days_ago), f"{days_ago:02x}{more}"

    def of(kind: str) -> str:
        return digit + kind[len(digit) :]

    ok = {"request_id": f"request-{digit}"}
    writer.insert(
        Signal.SPANS,
        [
            spans_request(
                span(of(FAILED), "a" * 16, start=time, status={"code": 2}), span(of(FAILED), "b" * 16, start=time),
                span(of(SLOW), "a" * 16, start=time, duration=3 * SECOND), span(of(PLAIN), "a" * 16, start=time),
            )
        ],
        f"spans{digit}",
    )  # fmt: skip
    writer.insert(
        Signal.LOGS,
        [
            logs_request(
                log(of(FAILED), "a" * 16, "no", time=time), log(of(PLAIN), "a" * 16, "yes", time=time),
                access_log(of(REFUSED), "c" * 16, time=time, response_code="503", response_flags="UF", method="GET", **ok),
                access_log(of(PLAIN), "c" * 16, time=time, response_code="200", method="GET", **ok),
            )
        ],
        f"logs{digit}",
    )  # fmt: skip


def rows(client: Client, table: str) -> dict[int, int]:
    """Days ago → rows."""
    column = {"transactions": "day", "half_edges": "toDate(hour)", "span_metrics": "toDate(minute)"}.get(
        table, "toDate(time)"
    )
    found = client.execute(
        f"SELECT dateDiff('day', {column}, toDate('{TODAY}')) AS ago, count() FROM {table} GROUP BY ago"
    )
    return dict(sorted(found))


@pytest.mark.clickhouse
def test_old_days_go_and_what_failed_or_was_slow_stays(
    store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    for days_ago in (1, 9, 16, 40):
        store_day(writer, days_ago)
    with connect(store) as client:
        planned = retain(store, WEEK, TODAY, dry_run=True)
        assert rows(client, "spans") == {1: 4, 9: 4, 16: 4, 40: 4}
        done = retain(store, WEEK, TODAY)
        assert [(it.table, it.day) for it in done] == [(it.table, it.day) for it in planned]
        assert rows(client, "spans") == {1: 4, 9: 3, 16: 2}
        assert rows(client, "logs") == {1: 1 + 1, 9: 1, 16: 1}
        assert rows(client, "access_logs") == {1: 2, 9: 1, 16: 1}
        assert rows(client, "events") == {1: 1, 9: 1, 16: 1}
        assert set(rows(client, "half_edges")) == {1}
        assert set(rows(client, "span_metrics")) == {1, 9, 16}
        left = client.execute(
            "SELECT dateDiff('day', day, toDate(%(today)s)) AS ago, uniqExact(transaction_id) FROM transactions "
            "GROUP BY ago ORDER BY ago",
            {"today": TODAY},
        )
        assert left == [(1, 4), (9, 3), (16, 2)]
        assert client.execute("SHOW TABLES LIKE '%staged%'") == []
        assert client.execute("SELECT count() FROM system.mutations WHERE database = currentDatabase()") == [(0,)]
        assert retain(store, WEEK, TODAY) == [], "the second time nothing is due"
    # All rows of what failed, by its own ID and by its alias; a row that counts itself stays right.
    assert len(reader.transaction("09" + FAILED[2:], 10)) == 3
    assert reader.resolve("request-09") == ["09" + REFUSED[2:]]
    assert reader.resolve("request-28") == []


@pytest.mark.clickhouse
def test_what_comes_late_is_thinned_out_the_next_time(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    store_day(writer, 9)
    retain(store, WEEK, TODAY)
    store_day(writer, 9, more="0")
    store_day(writer, 40)
    with connect(store) as client:
        assert rows(client, "spans") == {9: 3 + 4, 40: 4}
        retain(store, WEEK, TODAY)
        assert rows(client, "spans") == {9: 6}


@pytest.mark.clickhouse
def test_the_command_says_what_it_did(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    store_day(writer, 9)

    def run(*arguments: str, **more: object) -> str:
        return subprocess.run(
            [sys.executable, "-m", "weftline.collector", "retain", *arguments],
            env=environment(store, **more), capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip

    assert run() == "Nothing is due.\n"
    days = {"WEFTLINE_RETENTION_SPANS_DAYS": 7, "WEFTLINE_RETENTION_FAILED_DAYS": 10_000}
    assert run("--dry-run", **days) == "2026-11-13  spans         4 rows  (failed transactions stay)\n"
    assert run(**days) == "2026-11-13  spans         4 rows -> 2  (failed transactions stay)\n"
    assert run(**days) == "Nothing is due.\n"
