"""A tenant on every row, and every read of one tenant: a real ClickHouse."""

from contextlib import closing

import pytest

from support.otlp import START, access_log, log, logs_request, span, spans_request
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import ClickHouseConnections, connect
from weftline.collector.store.clickhouse_proxy_stats import ClickHouseProxyStats
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.collector.store.proxy_stats import ProxyStatRow
from weftline.collector.store.tenants import SHARED, TABLES, Asker, only

pytestmark = pytest.mark.clickhouse

TX, REQUEST = "0af7651916cd43dd8448eb211c80319c", "7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0"
OTHERS = (
    "SELECT count() FROM {table}",
    "SELECT count() FROM (SELECT * FROM {table})",
    "SELECT 1 WHERE 1 IN (SELECT 1 FROM {table})",
    "WITH it AS (SELECT 1 AS one FROM {table}) SELECT count() FROM it AS l JOIN (SELECT 1 AS one FROM {table}) AS r USING one",
    "SELECT sum(n) FROM (SELECT count() AS n FROM {table} UNION ALL SELECT count() FROM {table} AS renamed)",
)
"""Ways to read a table without a word of tenants."""


def store_all(store: ClickHouseSettings, writer: ClickHouseWriter, tenant: str) -> None:
    """A row in every table, with the same ids for every tenant."""
    caller = span(TX, "00000000000000a1", name=f"of {tenant}", attributes={"weftline.alias": "order-1"})
    callee = span(TX, "00000000000000a2", parent="00000000000000a1", name=f"of {tenant}")
    proxied = access_log(
        TX, "00000000000000a3", method="GET", path=f"/of-{tenant}", response_code="503", response_flags="UO", request_id=REQUEST,
    )  # fmt: skip
    writer.insert(Signal.SPANS, [spans_request(caller), spans_request(callee, service="payment")], f"s{tenant}", tenant)
    line = log(TX, "00000000000000a1", f"line of {tenant}", severity_number=17)
    writer.insert(Signal.LOGS, [logs_request(line, proxied, node_name="node-1")], f"l{tenant}", tenant)
    ejected = "cluster_outlier_detection_ejections_enforced_total"
    at = START // 1_000_000
    row = ProxyStatRow(at, at - 1, "node-1", "cart", "127.0.0.1:1", ejected, "payment", "", 1, 1)
    ClickHouseProxyStats(store, tenant).insert([row], f"p{tenant}")


@pytest.fixture
def two(store: ClickHouseSettings, writer: ClickHouseWriter) -> ClickHouseSettings:
    for tenant in ("a", "b"):
        store_all(store, writer, tenant)
    with connect(store) as client:
        for table in TABLES:
            client.execute(f"OPTIMIZE TABLE {table} FINAL")
    return store


def test_no_table_is_forgotten(store: ClickHouseSettings) -> None:
    """A new table has a tenant, or is named as one that no tenant's rows are in."""
    with connect(store) as client:
        there = {name for (name,) in client.execute(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%%MergeTree%%'")}  # fmt: skip
        with_tenant = {name for (name,) in client.execute(
            "SELECT table FROM system.columns WHERE database = currentDatabase() AND name = 'tenant'")}  # fmt: skip
        merging = client.execute(
            "SELECT name, sorting_key FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%%gMergeTree%%'"
        )
    assert set(TABLES) | set(SHARED) == there
    assert set(TABLES) <= with_tenant
    unkeyed = {name for name, key in merging if "tenant" not in key.split(", ")}
    assert unkeyed <= set(SHARED), "rows of two tenants with one key would become one"


def test_every_row_of_every_table_has_its_tenant(two: ClickHouseSettings) -> None:
    with connect(two) as client:
        for table in TABLES:
            found = dict(client.execute(f"SELECT toString(tenant), count() FROM {table} GROUP BY tenant"))
            assert set(found) == {"a", "b"}, table
            assert found["a"] == found["b"], table


@pytest.mark.parametrize("sql", OTHERS)
def test_a_query_that_says_nothing_of_tenants_reads_ones_own(two: ClickHouseSettings, sql: str) -> None:
    asker = Asker("nobody")
    with closing(ClickHouseConnections(two, lambda: asker)) as connections, connect(two) as client:
        for table in (
            *TABLES,
            f"{two.database}.spans",
            "searchable_spans",
            "searchable_logs",
            "searchable_access_logs",
            "searchable_transactions",
        ):
            query = sql.format(table=table)
            mine = []
            for tenant in ("a", "b", "nobody"):
                asker.tenant = tenant
                mine.append(connections.execute(query, {}))
            assert mine[0] == mine[1], table
            assert mine[2] in ([], [(0,)]), table
            assert mine[0] not in ([], [(0,)]), table
            assert client.execute(query) != [(0,)], "there is something to see"


def test_a_transaction_is_two_where_two_tenants_use_its_id(two: ClickHouseSettings) -> None:
    for tenant, other in (("a", "b"), ("b", "a")):
        asker = Asker(tenant)
        with closing(ClickHouseReader(two, lambda asker=asker: asker)) as reader:
            assert reader.resolve(TX) == reader.resolve("order-1") == reader.resolve(REQUEST) == [TX]
            rows = reader.transaction(TX, 100)
            assert len(rows) == 4
            assert f"of {other}" not in repr(rows)
            assert f"of-{other}" not in repr(rows)
            [call] = reader.dependencies(START - 10**9, START + 10**9)
            assert (call.caller, call.callee, call.calls) == ("cart", "payment", 1)
            assert [it.name for it in reader.operations("cart")] == [f"of {tenant}"]
    assert asker.rows == 10, "what was read is counted"


def test_the_same_insert_again_doubles_nothing(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    for _ in range(2):
        store_all(store, writer, "a")
    with connect(store) as client:
        assert client.execute("SELECT count() FROM spans") == [(2,)]
        assert client.execute("SELECT sum(spans) FROM transactions") == [(2,)]
        assert client.execute("SELECT sum(calls) FROM span_metrics") == [(2,)]


def test_views_keep_tenants_apart_also_where_one_insert_has_several(two: ClickHouseSettings) -> None:
    """As when stored rows are gone through again, a day at a time."""
    derived = [table for table in TABLES if table not in ("spans", "logs", "access_logs", "proxy_stats")]
    with connect(two) as client:
        before = {table: client.execute(f"SELECT count() FROM {table} WHERE tenant = 'a'") for table in derived}
        for table in derived:
            client.execute(f"TRUNCATE TABLE {table}")
        for table in ("spans", "logs", "access_logs", "proxy_stats"):
            client.execute(f"INSERT INTO {table} SELECT * FROM {table}")
        for table in derived:
            client.execute(f"OPTIMIZE TABLE {table} FINAL")
            for tenant in ("a", "b"):
                found = client.execute(f"SELECT count() FROM {table} WHERE tenant = '{tenant}'")
                # Halves of edges are one row an insert: these had two.
                assert found == before[table] or (table == "half_edges" and found[0] > (0,)), table
        marks = client.execute("SELECT toString(tenant), name FROM operations WHERE name LIKE 'of %%' ORDER BY 1, 2")
    assert set(marks) == {("a", "of a"), ("b", "of b")}


def test_a_view_holds_the_names_of_the_tables_below_it(store: ClickHouseSettings) -> None:
    """By which `only` knows what a query can read."""
    with connect(store) as client:
        views = client.execute(
            "SELECT name, as_select FROM system.tables WHERE database = currentDatabase() AND engine = 'View'"
        )
    assert len(views) >= 4
    for name, select in views:
        below = {table for table in TABLES if f"{store.database}.{table}" in select}
        assert below, name
        assert below <= {table for table in TABLES if table in name}, name


@pytest.mark.parametrize("cluster", ["", "two"])
def test_each_table_that_a_query_names_is_filtered_and_no_other(cluster: str) -> None:
    settings = ClickHouseSettings(database="weft", cluster=cluster)
    for table in TABLES:
        filters = only("a", settings, f"SELECT 1 FROM {table}")["additional_table_filters"]
        assert f"'weft.{table}': 'tenant = ''a''" in filters
        assert (f"'{table}': 'tenant = ''a''" in filters) is bool(cluster)
        assert filters.count("tenant") <= 2 * (2 if cluster else 1), "itself, and one whose name is in its name"


def test_a_name_that_is_none_never_becomes_sql() -> None:
    for name in ("a'", "a b", "\\", "x" * 65):
        with pytest.raises(ValueError, match="no tenant"):
            only(name, ClickHouseSettings(), "SELECT 1 FROM spans")
    with pytest.raises(ValueError, match="no database"):
        only("a", ClickHouseSettings(database="weft'line"), "SELECT 1 FROM spans")


def test_a_look_up_reads_as_little_as_before(two: ClickHouseSettings) -> None:
    """The tenant is read beside the sort key, which decides what is read."""
    asker = Asker("a")
    look_up = f"EXPLAIN indexes = 1 {statements.read('few_logs', statements.OF_ONE)}"
    with closing(ClickHouseConnections(two, lambda: asker)) as connections:
        plan = [line for (line,) in connections.execute(look_up, {"id": TX, "first": 1, "last": 2, "most": 10})]
    key = " ".join(plan).partition("PrimaryKey")[2].partition("Condition:")[0]
    assert key.split() == ["Keys:", "intDiv(toUnixTimestamp64Nano(time),", "900000000000)", "transaction_id"]
    assert "tenant = 'a'" in "\n".join(plan)
