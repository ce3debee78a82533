"""Rows lie by quarter hour and transaction: a search and a look-up read little of a day, and miss nothing."""

from contextlib import closing

import pytest

from support.otlp import START, log, logs_request, span, spans_request
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import clickhouse_searcher, statements
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_searcher import ClickHouseSearcher
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.conditions import EVERYTHING, Column, HasRow, Operator, RowKind, Test
from weftline.collector.store.protocol import Signal
from weftline.collector.store.searcher import Place, Window
from weftline.collector.store.where import LATER

pytestmark = pytest.mark.clickhouse

QUARTER_HOUR = 900 * 10**9
"""ns"""
MIDNIGHT = 1_795_305_600 * 10**9
ROWS = 400_000
"""Over one day: 49 granules, 4,167 rows a quarter hour."""
GRANULE = 8192
TX = "0af7651916cd43dd8448eb211c80319c"
FILL = {
    "spans": "INSERT INTO spans (transaction_id, time, service) SELECT MD5(toString(number)), {time}, 'cart' FROM numbers({rows})",
    "logs": "INSERT INTO logs (transaction_id, time, service) SELECT MD5(toString(number)), {time}, 'cart' FROM numbers({rows})",
    "access_logs": "INSERT INTO access_logs (transaction_id, time, service, kind, record_id) "
    "SELECT MD5(toString(number)), {time}, 'cart', 'end', number FROM numbers({rows})",
}


def fill_a_day(store: ClickHouseSettings, table: str) -> None:
    time = f"fromUnixTimestamp64Nano(toInt64({MIDNIGHT} + number * {86_400 * 10**9 // ROWS}))"
    with connect(store) as client:
        client.execute(FILL[table].format(time=time, rows=ROWS))
        client.execute(f"OPTIMIZE TABLE {table} FINAL")


def rows_read(store: ClickHouseSettings, sql: str, parameters: dict[str, object], table: str) -> int:
    with connect(store) as client:
        estimates = client.execute(f"EXPLAIN ESTIMATE {sql}", parameters)
    return sum(rows for _, of, _, rows, _ in estimates if of == table)


def search_row(table: str, later: str) -> str:
    sql = statements.read("search_row").replace("$VIEW", f"searchable_{table}")
    return sql.replace("$TESTS", "service = 'cart'").replace(LATER, later)


@pytest.mark.parametrize("table", FILL)
def test_a_search_reads_the_quarter_hours_of_its_window(store: ClickHouseSettings, table: str) -> None:
    fill_a_day(store, table)
    sql = search_row(table, "")
    since = MIDNIGHT + 40 * QUARTER_HOUR
    window = {"since": since, "until": since + QUARTER_HOUR - 1, "rows_until": since + QUARTER_HOUR - 1}
    assert 0 < rows_read(store, sql, window, table) <= 3 * GRANULE
    with connect(store) as client:
        [(found,)] = client.execute(f"SELECT count() FROM ({sql})", window)
    assert found == pytest.approx(ROWS / 96, abs=1)


@pytest.mark.parametrize("table", FILL)
def test_a_search_reads_later_rows_by_their_transactions(store: ClickHouseSettings, table: str) -> None:
    """Of the hour after the window, and no others."""
    fill_a_day(store, table)
    with connect(store) as client:
        at = ROWS // 96 * 43  # 30 to 45 minutes after the window's end
        [(late,)] = client.execute(f"SELECT lower(hex(MD5('{at}')))")
        since = MIDNIGHT + 40 * QUARTER_HOUR
        until = since + QUARTER_HOUR - 1
        asked = {
            "since": since,
            "until": until,
            "rows_until": until,
            "later": until + 4 * QUARTER_HOUR,
            "ids": [late],
        }
        sql = search_row(table, statements.read("search_later", statements.OF_SEVERAL))
        assert 0 < rows_read(store, sql, asked, table) <= (3 + 2 * 4) * GRANULE
        [(found, of_late)] = client.execute(
            f"SELECT count(), countIf(transaction_id = unhex('{late}')) FROM ({sql})", asked
        )
    assert found == pytest.approx(ROWS / 96 + 1, abs=1)
    assert of_late == 1


def test_the_newest_are_looked_for_in_the_quarter_hours_of_the_window(store: ClickHouseSettings) -> None:
    fill_a_day(store, "spans")
    with connect(store) as client:
        client.execute("OPTIMIZE TABLE transaction_times FINAL")
    since = MIDNIGHT + 40 * QUARTER_HOUR
    window = {"since": since, "until": since + QUARTER_HOUR - 1, "later": since + 5 * QUARTER_HOUR, "limit": 20}
    page = {**window, "before": 2**63 - 1, "before_id": "f" * 32, "excess": 20}
    newest = statements.read("newest").replace("$CONDITION", "true")
    assert 0 < rows_read(store, newest, page, "transaction_times") <= 5 * ROWS / 96 + 2 * GRANULE
    going_on = statements.read("search_going_on")
    assert 0 < rows_read(store, going_on, window, "transaction_times") <= 6 * ROWS / 96 + 2 * GRANULE


def test_what_began_hours_before_the_window_does_not_push_others_out(
    store: ClickHouseSettings, writer: ClickHouseWriter
) -> None:
    """Rows of transactions that are silent for hours, as those of delayed jobs, look like beginnings."""
    minute = 60 * 10**9
    delayed = [f"{number:032x}" for number in range(1, 101)]
    for when in (START, START + 180 * minute):
        spans = [span(id_, f"{when:016x}", start=when) for id_ in delayed]
        writer.insert(Signal.SPANS, [spans_request(*spans)], f"delayed {when}")
    own = [f"{number:032x}" for number in range(1001, 1031)]
    begun = START + 170 * minute
    writer.insert(Signal.SPANS, [spans_request(*(span(id_, "b" * 16, start=begun) for id_ in own))], "own")
    with closing(ClickHouseSearcher(store)) as searcher:
        window = Window(START + 165 * minute, START + 185 * minute)
        first = searcher.search(EVERYTHING, window, None, 20, 60.0)
        assert [hit.transaction_id for hit in first] == sorted(own, reverse=True)[:20]
        last = Place(first[-1].start, first[-1].transaction_id)
        rest = searcher.search(EVERYTHING, window, last, 20, 60.0)
        assert [hit.transaction_id for hit in rest] == sorted(own, reverse=True)[20:]
        assert searcher.search(EVERYTHING, Window(START, START + minute), None, 200, 60.0)[0].spans == 2


@pytest.mark.parametrize("most", [1000, 2])
def test_a_row_counts_that_came_up_to_an_hour_after_the_window(
    store: ClickHouseSettings, writer: ClickHouseWriter, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Whether the transactions that go on are few enough to be asked for by their ids, or not."""
    monkeypatch.setattr(clickhouse_searcher, "MOST_GOING_ON", most)
    minute = 60 * 10**9
    for number in range(4):
        first = span(f"{number + 1:032x}", "b" * 16, start=START + number * minute)
        writer.insert(Signal.SPANS, [spans_request(first)], f"first {number}")
        late = span(f"{number + 1:032x}", "c" * 16, start=START + (70 if number == 3 else 5 + 15 * number) * minute)
        writer.insert(Signal.SPANS, [spans_request(late, service="late")], f"late {number}")
    other = span("9" * 32, "b" * 16, start=START + 6 * minute)
    writer.insert(Signal.SPANS, [spans_request(other, service="late")], "began after the window")
    condition = HasRow(RowKind.SPAN, (Test(Column("service"), Operator.EQUAL, "late"),))
    with closing(ClickHouseSearcher(store)) as searcher:
        window = Window(START, START + 5 * minute - 1)
        found = [hit.transaction_id for hit in searcher.search(condition, window, None, 10, 60.0)]
        assert found == [f"{number + 1:032x}" for number in (2, 1, 0)]
        # What goes on is looked for in the window alone: of this one nothing goes on.
        assert searcher.search(condition, Window(START - minute, START - 1), None, 10, 60.0) == []


@pytest.mark.parametrize("table", FILL)
def test_a_look_up_reads_where_its_transaction_lies(store: ClickHouseSettings, table: str) -> None:
    fill_a_day(store, table)
    with connect(store) as client:
        ids = [client.execute(f"SELECT lower(hex(MD5('{ROWS // 10 * number}')))")[0][0] for number in range(10)]
        quarter = (MIDNIGHT + 86_400 * 10**9 * 3 // 10) // QUARTER_HOUR
        asked = {"id": ids[3], "first": quarter, "last": quarter, "ids": ids, "most": 100, "limit": 100}
        for name, of, count in ((f"few_{table}", statements.OF_ONE, 1), (table, statements.OF_SEVERAL, len(ids))):
            assert 0 < rows_read(store, statements.read(name, of), asked, table) <= 2 * count * GRANULE
            assert len(client.execute(statements.read(name, of), asked)) == count


def test_a_transaction_of_many_quarter_hours_is_whole(
    store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    starts = [START + number * QUARTER_HOUR for number in (5, -1, 0, 120)]  # late, early, and of the day after
    for start in starts:
        request = spans_request(span(TX, f"{start % 2**63:016x}", start=start, duration=1))
        writer.insert(Signal.SPANS, [request], f"spans {start}")
        writer.insert(
            Signal.LOGS, [logs_request(log(TX, "b" * 16, "late", time=start + QUARTER_HOUR))], f"logs {start}"
        )
    assert [row.time for row in reader.transaction(TX, 100)] == sorted(
        [*starts, *(start + QUARTER_HOUR for start in starts)]
    )
    assert len(reader.logs(TX, 100)) == len(reader.spans([TX], 100)[TX]) == len(starts)


def test_a_page_is_full_although_older_transactions_go_on(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    """Hours after they began, when the page's window is: they are not of it, and take nobody's place."""
    minute = 60 * 10**9
    for number in range(5):
        for start in (START - 120 * minute, START + (10 + number) * minute):
            old = span(f"{number + 1:032x}"[::-1], "b" * 16, start=start)
            writer.insert(Signal.SPANS, [spans_request(old)], f"old {number} {start}")
        young = span(f"{number + 16:032x}", "c" * 16, start=START + number * minute)
        writer.insert(Signal.SPANS, [spans_request(young)], f"young {number}")
    window = Window(START - 5 * minute, START + 20 * minute)
    with closing(ClickHouseSearcher(store)) as searcher:
        page = searcher.search(EVERYTHING, window, None, 3, 60.0)
        assert [hit.transaction_id for hit in page] == [f"{number + 16:032x}" for number in (4, 3, 2)]
        facets = searcher.facets(EVERYTHING, window, 100, 60.0)
        assert [facet.transactions for facet in facets if facet.name == "found"] == [5]
