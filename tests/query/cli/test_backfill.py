"""`weftline backfill` on a real ClickHouse: what it makes is what the views made."""

from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from support.otlp import access_log, log, logs_request, span, spans_request
from support.roles import environment
from weftline.collector.settings import ClickHouseSettings, RetentionSettings
from weftline.collector.store.backfill import Backfill, Day, State, View, definition, order, plan
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.collector.store.retention import retain
from weftline.query.cli.backfill import backfill

TODAY = datetime.now(UTC).date()
TX = "0af7651916cd43dd8448eb211c80319c"
SECOND = 10**9
DERIVED = (
    "transactions",
    "transaction_times",
    "aliases",
    "request_ids",
    "services",
    "operations",
    "half_edges",
    "span_metrics",
    "events",
    "proxy_records",
)


def moment(days_ago: int, hour: float = 12) -> int:
    midnight = datetime.combine(TODAY - timedelta(days=days_ago), datetime.min.time(), UTC)
    return int((midnight.timestamp() + hour * 3600) * SECOND)


def store_day(writer: ClickHouseWriter, days_ago: int) -> None:
    tx = f"{days_ago:02x}" + TX[2:]
    at, midnight = moment(days_ago), moment(days_ago, 23.9999)
    rid = f"7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2{days_ago:02x}"
    ok = {"service": "edge", "node_name": "edge-1"}
    writer.insert(Signal.SPANS, [
        spans_request(span(tx, "1" * 16, start=at, attributes={"weftline.alias": f"order-{days_ago}"}), service="shop"),
        spans_request(span(tx, "2" * 16, parent="1" * 16, start=at + SECOND, status={"code": 2})),
    ], f"s{days_ago}")  # fmt: skip
    # The end of the second access log lies on the next day: so do its events.
    writer.insert(Signal.LOGS, [
        logs_request(log(tx, "2" * 16, "declined", time=at, severity_number=17)),
        logs_request(
            access_log(tx, "3" * 16, time=at, transaction_id=tx, response_code="503", response_flags="UF", method="GET", path="/",
                       duration_us="5000", request_id=rid),
            access_log(tx, "4" * 16, time=midnight, transaction_id=tx, response_code="504", response_flags="UT", method="GET",
                       duration_us="90000000", request_id=rid),
            access_log("", "", access_log_type="DownstreamStart", time=at, request_id=rid, method="GET"),
            **ok,
        ),
    ], f"l{days_ago}")  # fmt: skip


def derived(store: ClickHouseSettings) -> dict[str, list[tuple]]:
    """What readers see of derived tables."""
    queries = {
        "transactions": "SELECT * REPLACE (arraySort(services) AS services) FROM searchable_transactions",
        "transaction_times": "SELECT quarter_hour, transaction_id, day, min(first_time), max(last_time) FROM transaction_times GROUP BY ALL",
        "aliases": "SELECT * FROM aliases FINAL",
        "request_ids": "SELECT * FROM request_ids FINAL",
        "services": "SELECT * FROM services FINAL",
        "operations": "SELECT * FROM operations FINAL",
        "half_edges": "SELECT service, arrayJoin(ids), length(calls.time) FROM half_edges",
        "span_metrics": "SELECT minute, service, name, kind, sum(calls), sum(errors), quantilesDDMerge(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(duration) "
        "FROM span_metrics GROUP BY ALL",
        "events": "SELECT time, id, kind, reason, service, count FROM events FINAL",
        "proxy_records": "SELECT second, node_id, sum(records) FROM proxy_records GROUP BY ALL",
    }  # fmt: skip
    with connect(store) as client:
        return {table: sorted(client.execute(sql), key=repr) for table, sql in queries.items()}


def run(store: ClickHouseSettings, *arguments: str) -> Result:
    return CliRunner().invoke(backfill, arguments, env=environment(store))


def run_at_once(store: ClickHouseSettings, *, again: bool = False, tables: tuple[str, ...] = ()) -> list[str]:
    """Without waiting for views that may still run: in a test none does."""
    it = Backfill(store, quiet_seconds=0)
    due = [one for one in it.plan(tables, date.min, TODAY - timedelta(days=1), again=again) if not one.reason]
    return [problem for _, problem in it.run(due) if problem]


def forget(store: ClickHouseSettings) -> None:
    """As if the views had been made after the rows."""
    with connect(store) as client:
        for table in DERIVED:
            client.execute(f"TRUNCATE TABLE {table}")


@pytest.mark.clickhouse
def test_it_makes_what_the_views_made(
    store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    for days_ago in (2, 5):
        store_day(writer, days_ago)
    made = derived(store)
    assert all(made.values()), "the test has something of everything"
    assert run_at_once(store) == []
    assert derived(store) == made, "over what is there"
    forget(store)
    assert run_at_once(store) == []
    assert derived(store)["transactions"] == [], "what is noted as done is not done again"
    assert run_at_once(store, again=True) == []
    assert derived(store) == made, "and where nothing is"
    assert reader.resolve("order-5") == ["05" + TX[2:]]
    with connect(store) as client:
        assert client.execute("SHOW TABLES LIKE '%staged%'") == []
        [(told_anew,)] = client.execute(
            "SELECT count() FROM events WHERE stored > now() - 3600 AND time < now() - 86400"
        )
        assert told_anew == 0, "old events are not news to those who follow"


@pytest.mark.clickhouse
def test_the_command(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    store_day(writer, 3)
    day = TODAY - timedelta(days=3)
    dry = run(store, "--dry-run", "--until", day.isoformat(), "--table", "transactions", "--table", "span_metrics")
    assert (dry.exit_code, dry.stdout) == (
        0,
        f"{day}  span_metrics  2 rows to read\n{day}  transactions  6 rows to read\n",
    )
    made = derived(store)
    forget(store)
    done = run(store)
    assert done.exit_code == 0, done.output
    assert f"{day}  transactions  out of 6 rows" in done.stdout
    assert derived(store) == made
    assert run(store).stdout == "Nothing is due.\n"
    assert run(store, "--since", "yesterday").exit_code == 2
    assert CliRunner().invoke(backfill, env=environment(store, WEFTLINE_CLICKHOUSE_TCP_PORT=1)).exit_code == 3


@pytest.mark.clickhouse
def test_a_new_view_gets_the_days_before_it(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    store_day(writer, 2)
    run_at_once(store)
    with connect(store) as client:
        client.execute(
            "CREATE TABLE names (day Date, name String, spans SimpleAggregateFunction(sum, UInt64)) "
            "ENGINE = AggregatingMergeTree PARTITION BY day ORDER BY name"
        )
        client.execute(
            "CREATE MATERIALIZED VIEW names_from_spans TO names AS "
            "SELECT toDate(time) AS day, toString(name) AS name, count() AS spans FROM spans GROUP BY day, name"
        )
        it = Backfill(store, quiet_seconds=0)
        [due] = [one for one in it.plan([], date.min, TODAY, again=False) if not one.reason]
        assert (due.table, due.rows) == ("names", 2)
        assert [problem for _, problem in it.run([due])] == [""]
        assert client.execute("SELECT name, sum(spans) FROM names GROUP BY name") == [("GET /", 2)]


@pytest.mark.clickhouse
def test_days_that_were_let_go_of_stay_as_they_are(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    for days_ago in (2, 20):
        store_day(writer, days_ago)
    made = derived(store)["span_metrics"]
    retain(store, RetentionSettings(spans_days=7, failed_days=30), TODAY)
    reasons = {
        (one.table, (TODAY - one.day).days): one.reason
        for one in Backfill(store).plan([], date.min, TODAY, again=False)
    }
    assert reasons["span_metrics", 20] == "rows of this day were let go of"
    assert reasons["span_metrics", 2] == ""
    retain(store, RetentionSettings(spans_days=7, logs_days=7, access_logs_days=7), TODAY)
    run_at_once(store, again=True)
    assert derived(store)["span_metrics"] == made


@pytest.mark.clickhouse
def test_rows_that_land_meanwhile_are_not_lost(
    store: ClickHouseSettings, writer: ClickHouseWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_day(writer, 2)
    it = Backfill(store, quiet_seconds=0)
    [due] = it.plan(["span_metrics"], date.min, TODAY, again=False)
    fill, late = it._fill, iter((spans_request(span(TX, "9" * 16, start=moment(2))),))

    def and_one_lands(*arguments: object) -> None:
        fill(*arguments)  # type: ignore[arg-type]
        for message in late:
            writer.insert(Signal.SPANS, [message], "late")

    monkeypatch.setattr(it, "_fill", and_one_lands)
    assert [problem for _, problem in it.run([due])] == [""]
    with connect(store) as client:
        assert client.execute("SELECT sum(calls) FROM span_metrics") == [(3,)]
    # Where they never stop, the day is left as it was made last, and it is said.
    numbers = iter(range(1, 100))

    def and_one_always_lands(*arguments: object) -> None:
        fill(*arguments)  # type: ignore[arg-type]
        number = next(numbers)
        message = spans_request(span(TX, f"{number:016x}", start=moment(2)))
        writer.insert(Signal.SPANS, [message], f"more-{number}")

    monkeypatch.setattr(it, "_fill", and_one_always_lands)
    assert [problem for _, problem in it.run([due])] == [
        "rows of this day keep landing; stop ingest for it, or do it again later"
    ]


A, B = (
    View(f"{table}_view", table, source, "SELECT 1", ())
    for table, source in (("aliases", "spans"), ("request_ids", "aliases"))
)


def state(**more: object) -> State:
    days = {("spans", date(2026, 11, day)): Day(10, 1, 0) for day in (1, 2)}
    return State(**{"views": (B, A), "days": days, "let_go": frozenset(), "done": {}, **more})  # type: ignore[arg-type]


def test_tables_come_after_what_they_are_derived_from() -> None:
    assert order((B, A)) == ["aliases", "request_ids"]
    work = plan(state(), [], date(2026, 11, 2), date(2026, 11, 9))
    assert [(it.table, it.day.day, it.rows, it.reason) for it in work] == [
        ("aliases", 2, 10, ""),
        ("request_ids", 2, 0, ""),
    ]


def test_a_changed_view_is_due_again() -> None:
    day = ("aliases", date(2026, 11, 1))
    done = state(done={day: definition((A, B), "aliases")})
    assert [it.reason for it in plan(done, ["aliases"], date.min, date.max)] == ["done before", ""]
    changed = state(views=(View("aliases_view", "aliases", "spans", "SELECT 2", ()),), done=done.done)
    assert [it.reason for it in plan(changed, ["aliases"], date.min, date.max)] == ["", ""]


def test_what_has_no_rows_below_it_any_more_stays() -> None:
    first, second = date(2026, 11, 1), date(2026, 11, 2)
    other = View("aliases_from_logs", "aliases", "logs", "SELECT 1", ())
    days = {("logs", first): Day(1, 1, 0), ("spans", second): Day(1, 1, 0), ("aliases", first): Day(1, 1, 0)}
    assert [it.reason for it in plan(state(views=(A, other), days=days), ["aliases"], date.min, date.max)] == [
        "spans of this day are no longer there",
        "",
    ]
