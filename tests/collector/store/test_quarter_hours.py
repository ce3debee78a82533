"""Rows lie by quarter hour and transaction: a search and a look-up read little of a day, and miss nothing."""

from contextlib import closing

import pytest

from support.otlp import START, log, logs_request, span, spans_request
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_searcher import ClickHouseSearcher
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.conditions import EVERYTHING
from weftline.collector.store.protocol import Signal
from weftline.collector.store.searcher import Window

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


@pytest.mark.parametrize("table", FILL)
def test_a_search_reads_the_quarter_hours_of_its_window(store: ClickHouseSettings, table: str) -> None:
    fill_a_day(store, table)
    sql = statements.read("search_row").replace("$VIEW", f"searchable_{table}").replace("$TESTS", "service = 'cart'")
    since = MIDNIGHT + 40 * QUARTER_HOUR
    window = {"since": since, "until": since + QUARTER_HOUR - 1, "rows_until": since + QUARTER_HOUR - 1}
    assert 0 < rows_read(store, sql, window, table) <= 3 * GRANULE
    with connect(store) as client:
        [(found,)] = client.execute(f"SELECT count() FROM ({sql})", window)
    assert found == pytest.approx(ROWS / 96, abs=1)


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
