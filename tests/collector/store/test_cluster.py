"""The store on a cluster: two real ClickHouse servers, a shard each."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from support import als
from support.otlp import START, access_log, log, logs_request, span, spans_request
from support.roles import environment
from support.shards import NAME, REPLICAS, start_replicas, start_shards
from support.zookeeper import start_zookeeper
from weftline.collector.errors import Misconfigured, TryLater
from weftline.collector.settings import ClickHouseSettings, RetentionSettings
from weftline.collector.store import statements
from weftline.collector.store.backfill import Backfill
from weftline.collector.store.clickhouse_connections import ClickHouseConnections, connect
from weftline.collector.store.clickhouse_proxy_stats import ClickHouseProxyStats
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_searcher import ClickHouseSearcher
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.cluster import clustered, one_a_shard, servers
from weftline.collector.store.line_filter import LineBounds, LineFilter
from weftline.collector.store.migrate import migrate
from weftline.collector.store.protocol import Signal, SpanEncoder
from weftline.collector.store.proxy_stats import ProxyStatRow
from weftline.collector.store.red import RedFilter
from weftline.collector.store.retention import retain
from weftline.collector.store.searcher import Window
from weftline.collector.store.tenants import TABLES, Asker
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.query.cli.export_files import export_files
from weftline.query.cli.import_files import import_files
from weftline.query.search import understand

SECOND = 10**9
TRANSACTIONS = [f"{number:032x}" for number in range(1, 41)]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClickHouse]]:
    with start_shards(tmp_path_factory.mktemp("shards")) as shards:
        yield shards


@pytest.fixture
def cluster(shards: list[ClickHouse]) -> ClickHouseSettings:
    """A database of the test's own on both shards, by the first of them."""
    settings = ClickHouseSettings(
        http_port=shards[0].http_port, tcp_port=shards[0].tcp_port, database=f"test_{next(_numbers)}", cluster=NAME,
        replicated=False,
    )  # fmt: skip
    migrate(settings)
    return settings


def request_id(number: int) -> str:
    return f"7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf{number:03x}"


def fill(writer: ClickHouseWriter, token: str = "t", tenant: str = "") -> None:
    """Every kind of row of forty transactions, all in one insert a signal; of each some that came without its ID."""
    spans, logs, streams = [], [], []
    for number, tx in enumerate(TRANSACTIONS):
        behind = f"f{tx[1:]}"  # a trace that began behind a service which passed on x-transaction-id only
        at = START + number * SECOND
        spans += [
            spans_request(
                span(tx, "1" * 16, start=at, attributes={"weftline.alias": f"order-{number}", "n": number}),
                service="shop",
            ),
            spans_request(span(tx, "2" * 16, parent="1" * 16, start=at, status={"code": 2 if number % 4 == 0 else 0})),
            spans_request(span(behind, "5" * 16, start=at), service="ledger"),
        ]
        fields = {
            "method": "GET",
            "path": "/pay",
            "response_code": "503" if number % 4 == 0 else "200",
            "response_flags": "UF" if number % 4 == 0 else "-",
        }
        logs += [
            logs_request(log(tx, "2" * 16, f"declined {number}", time=at)),
            logs_request(
                access_log(tx, "3" * 16, time=at, transaction_id=tx, request_id=request_id(number), **fields),
                access_log(behind, "4" * 16, time=at, transaction_id=tx, stream_id=f"s{number}", **fields),
                access_log("", "", access_log_type="UpstreamEnd", time=at, upstream_traceparent=f"00-{tx}-{'6' * 16}-01", upstream_host="h"),
                access_log("", "", access_log_type="DownstreamStart", time=at, request_id=request_id(number), stream_id="-"),
                access_log("", "", access_log_type="NotSet", time=at, downstream_remote_address=f"10.0.0.1:{number}", request_id="-",
                           downstream_local_address="-"),
                access_log("", "", access_log_type="TcpPeriodic", time=at),
                service="edge",
            ),
        ]  # fmt: skip
        entry = als.http_entry(
            als.common(stream_id=f"als{number}"), als.request(headers={"x-transaction-id": tx}), als.response(200)
        )
        streams.append(als.framed(als.http_message(entry, who=als.identifier())))
    writer.insert(Signal.SPANS, spans, f"spans-{token}", tenant)
    writer.insert(Signal.LOGS, logs, f"logs-{token}", tenant)
    writer.insert(Signal.ENVOY_ALS, streams, f"als-{token}", tenant)


OF_TRANSACTIONS = (
    "spans", "logs", "access_logs", "transactions", "transaction_times", "aliases", "request_ids", "half_edges", "events",
)  # fmt: skip


def counts(cluster: ClickHouseSettings) -> dict[str, list[int]]:
    """Rows of each table by shard; of tables whose rows merge how many transactions they know."""
    found: dict[str, list[int]] = {}
    for [server] in servers(cluster):
        with connect(server) as client:
            for table in OF_TRANSACTIONS:
                counted = "count()" if table in ("spans", "logs", "access_logs") else "uniqExact(transaction_id)"
                found.setdefault(table, []).append(
                    client.execute(f"SELECT {counted} FROM {table} WHERE transaction_id != ''")[0][0]
                )
    return found


@pytest.mark.clickhouse
def test_a_transaction_is_on_one_shard_with_all_its_rows(cluster: ClickHouseSettings) -> None:
    with closing(ClickHouseWriter(cluster)) as writer:
        fill(writer)
    # The shard's own tables hold nothing that hashes to another.
    for number, [server] in enumerate(servers(cluster)):
        with connect(server) as client:
            for table in OF_TRANSACTIONS:
                [(strangers, rows)] = client.execute(
                    f"SELECT countIf(cityHash64(transaction_id) %% 2 != {number}), count() FROM {table}", {}
                )
                assert (table, strangers) == (table, 0)
                assert rows > 0, f"{table} has rows on both"
    assert sum(counts(cluster)["spans"]) == 3 * len(TRANSACTIONS)
    assert sum(counts(cluster)["access_logs"]) == 6 * len(TRANSACTIONS)  # and a seventh of each has no ID


@pytest.mark.clickhouse
def test_a_repeated_insert_doubles_nothing(cluster: ClickHouseSettings) -> None:
    with closing(ClickHouseWriter(cluster)) as writer:
        fill(writer)
        once = counts(cluster)
        fill(writer)
        assert counts(cluster) == once
        fill(writer, "another")
    assert counts(cluster)["spans"] == [2 * count for count in once["spans"]]


@pytest.mark.clickhouse
@pytest.mark.parametrize("first_native", [True, False])
def test_an_insert_that_is_repeated_the_other_way_doubles_nothing(
    cluster: ClickHouseSettings, encoder: SpanEncoder, first_native: bool
) -> None:
    """Encoded here and then decoded by ClickHouse, or the other way round."""
    with (
        closing(ClickHouseWriter(cluster, spans=encoder if first_native else None)) as first,
        closing(ClickHouseWriter(cluster, spans=None if first_native else encoder)) as second,
    ):
        fill(first)
        once = counts(cluster)
        fill(second)
    assert counts(cluster) == once


@pytest.mark.clickhouse
def test_what_was_stored_on_one_shard_only_is_stored_on_the_other_by_the_repetition(
    cluster: ClickHouseSettings,
) -> None:
    """As when the other shard failed in the middle of an insert."""
    with closing(ClickHouseWriter(cluster)) as writer:
        fill(writer)
        whole = counts(cluster)
        [_, [second]] = servers(cluster)
        with connect(second) as client:
            for table in (*OF_TRANSACTIONS, "span_metrics", "services", "operations", "proxy_records"):
                client.execute(f"TRUNCATE TABLE {table}")  # and its tokens with it
        assert counts(cluster)["spans"][1] == 0
        fill(writer)
    assert counts(cluster) == whole


@pytest.mark.clickhouse
def test_look_ups_and_searches_see_all_shards(cluster: ClickHouseSettings, store: ClickHouseSettings) -> None:
    """Whatever is asked, the answer is that of a single server with the same rows."""
    other = ClickHouseSettings(**{name: getattr(cluster, name) for name in ("host", "database")},
                               tcp_port=servers(cluster)[1][0].tcp_port, http_port=cluster.http_port, cluster=NAME, replicated=False)  # fmt: skip
    for settings in (cluster, store):
        with closing(ClickHouseWriter(settings)) as writer:
            fill(writer)
    window = RedFilter(since=START - START % (60 * SECOND), until=START + 120 * SECOND, step=0)
    with (
        closing(ClickHouseReader(cluster)) as reader,
        closing(ClickHouseReader(store)) as single,
        closing(ClickHouseReader(other)) as second,
    ):
        for number, tx in [*enumerate(TRANSACTIONS)][::13]:
            rows = single.transaction(tx, 100)
            # Its own, the trace behind it, and the record that has nothing but its x-request-id.
            assert len(rows) == 2 + 1 + 1 + 5
            for whole in (reader, second):
                assert sorted(map(repr, whole.transaction(tx, 100))) == sorted(map(repr, rows))
            for name in (f"order-{number}", request_id(number), tx, "f" + tx[1:]):
                assert reader.resolve(name) == single.resolve(name) != []
        for wanted in (LineFilter(), LineFilter(text="/", level=9, kinds={"access_log"})):
            found = [it.lines(TRANSACTIONS[0], wanted, 1000, LineBounds(1000, 60)) for it in (reader, single)]
            assert sorted(map(repr, found[0].rows)) == sorted(map(repr, found[1].rows)) != []
        assert reader.services() == single.services()
        assert reader.operations("shop") == single.operations("shop")
        assert sorted(map(repr, reader.red(window))) == sorted(map(repr, single.red(window)))
        edges = [whole.dependencies(window.since, window.until) for whole in (reader, single)]
        assert (
            [(it.caller, it.callee, it.calls, it.errors) for it in edges[0]]
            == [(it.caller, it.callee, it.calls, it.errors) for it in edges[1]]
            != []
        )
        assert reader.passed_on(window.since, window.until) == single.passed_on(window.since, window.until)
    with closing(ClickHouseSearcher(cluster)) as searcher, closing(ClickHouseSearcher(store)) as alone:
        asked = Window(START - SECOND, START + 100 * SECOND)
        for text, found in (
            ("", 160), ("service=shop", 40), ("status=error", 10), ("n>=30", 10), ("log:\"declined 7\"", 1),
            ("service=shop and code=503", 10), ("not service=shop", 120), ("errors>0", 10), ("alias=order-3", 1), ("spans=2 code=200", 30),
        ):  # fmt: skip
            condition = understand(text.replace("n>=", "attribute.n>="), START + 100 * SECOND).condition
            hits = searcher.search(condition, asked, None, 200, 60)
            wanted = alone.search(condition, asked, None, 200, 60)
            assert [it.transaction_id for it in hits] == [it.transaction_id for it in wanted], text
            assert {it.transaction_id: (it.spans, it.logs, it.access_logs, it.errors) for it in hits} == {
                it.transaction_id: (it.spans, it.logs, it.access_logs, it.errors) for it in wanted
            }, text
            assert len(hits) == found, text
        condition = understand("status=error", START).condition
        assert searcher.facets(condition, asked, 100, 60) == alone.facets(condition, asked, 100, 60)


@pytest.mark.clickhouse
def test_migrations_twice_and_by_two_at_once(shards: list[ClickHouse]) -> None:
    settings = ClickHouseSettings(
        http_port=shards[0].http_port, tcp_port=shards[0].tcp_port, database="at_once", cluster=NAME, replicated=False
    )
    failures: list[Exception] = []

    def run() -> None:
        try:
            migrate(settings)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert failures == []
    assert migrate(settings) == []
    for [server] in servers(settings):
        with connect(server) as client:
            assert client.execute("SELECT uniqExact(number) FROM schema_migrations") == [
                (len(statements.migrations()),)
            ]
            assert (
                client.execute(
                    "SELECT count() FROM system.tables WHERE database = 'at_once_cluster' AND engine = 'Distributed'"
                )[0][0]
                > 15
            )
    with closing(ClickHouseWriter(settings)) as writer:
        fill(writer)
    assert sum(counts(settings)["spans"]) == 3 * len(TRANSACTIONS)


@pytest.mark.clickhouse
def test_retention_is_each_shards_own(cluster: ClickHouseSettings) -> None:
    with closing(ClickHouseWriter(cluster)) as writer:
        fill(writer)
    day = datetime.fromtimestamp(START / SECOND, UTC).date()
    done = retain(
        cluster,
        RetentionSettings(spans_days=7, logs_days=7, access_logs_days=7, failed_days=30),
        day + timedelta(days=20),
    )
    assert {(it.table, it.day) for it in done} >= {
        (table, day) for table in ("spans", "logs", "access_logs", "transactions")
    }
    assert len([it for it in done if it.table == "spans"]) == 2
    with connect(cluster) as client:
        left = client.execute(
            "SELECT uniqExact(transaction_id), uniqExactIf(transaction_id, status = 'error') FROM spans"
        )
    assert left == [(10, 10)]
    assert (
        retain(
            cluster,
            RetentionSettings(spans_days=7, logs_days=7, access_logs_days=7, failed_days=30),
            day + timedelta(days=20),
        )
        == []
    )


@pytest.mark.clickhouse
def test_a_cluster_that_is_not_known(shards: list[ClickHouse]) -> None:
    settings = ClickHouseSettings(tcp_port=shards[0].tcp_port, cluster="three_shards")
    with pytest.raises(Misconfigured, match=f"is no cluster that ClickHouse at 127.0.0.1 knows .*; it knows {NAME}"):
        migrate(settings)


@pytest.mark.clickhouse
def test_a_shard_that_is_away_is_an_outage_not_an_empty_answer(tmp_path_factory: pytest.TempPathFactory) -> None:
    with start_shards(tmp_path_factory.mktemp("outage")) as shards:
        settings = ClickHouseSettings(
            http_port=shards[0].http_port, tcp_port=shards[0].tcp_port, cluster=NAME, replicated=False
        )
        migrate(settings)
        with closing(ClickHouseWriter(settings)) as writer, closing(ClickHouseReader(settings)) as reader:
            shards[1].stop()
            with pytest.raises(TryLater):
                fill(writer)
            with pytest.raises(TryLater):
                reader.services()
            shards[1].start()
            shards[1].wait_ready()
            fill(writer)
            fill(writer)
            assert reader.services()
    # One shard may have had the first one already: the token holds.


def test_tables_of_a_cluster_are_replicated() -> None:
    settings = ClickHouseSettings(cluster="c", database="w")
    for statement in (it for migration in statements.migrations() for it in migration.statements):
        text = clustered(statement, settings)
        assert clustered(statement, replace(settings, cluster="")) == statement
        assert clustered(statement, replace(settings, replicated=False)) == statement
        if "MergeTree" in statement and "CREATE TABLE" in statement:
            assert "ENGINE = Replicated" in text
            assert "'{replica}'" in text
            assert "non_replicated" not in text
        else:
            assert text == statement
    spans, runs = (
        next(it.text for it in statements.migrations() if it.name == name) for name in ("spans", "retention_runs")
    )
    assert "ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/w/spans', '{replica}')\nPARTITION" in clustered(
        spans, settings
    )
    assert "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800" in clustered(
        spans, settings
    )
    assert (
        "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/w/retention_runs', '{replica}', time)"
        in clustered(runs, settings)
    )


@pytest.mark.clickhouse
def test_a_backfill_makes_each_shards_own(cluster: ClickHouseSettings) -> None:
    with closing(ClickHouseWriter(cluster)) as writer:
        fill(writer)
    made = counts(cluster)
    for server in one_a_shard(cluster):
        with connect(server) as client:
            client.execute("TRUNCATE TABLE transactions")
        shard = Backfill(server, quiet_seconds=0)
        work = shard.plan(["transactions"], date.min, date.max, again=False)
        assert [problem for _, problem in shard.run(work)] == ["", ""]  # two days
    assert counts(cluster) == made


@pytest.mark.clickhouse
def test_files_go_in_and_out_over_all_shards(cluster: ClickHouseSettings, tmp_path: Path) -> None:
    with closing(ClickHouseWriter(cluster)) as writer:
        fill(writer)
    env = environment(cluster, WEFTLINE_CLICKHOUSE_CLUSTER=NAME, WEFTLINE_CLICKHOUSE_REPLICATED="false")
    file, rows = str(tmp_path / "all.jsonl"), (3 + 1 + 7) * len(TRANSACTIONS)
    exported = CliRunner().invoke(export_files, ["-o", file], env=env)
    assert exported.stderr == f"Wrote {rows} rows of 2 days.\n"
    again = CliRunner().invoke(import_files, [file], env=env)
    assert again.stdout == f"Stored 0 spans and log records; {rows} were there already; 0 refused.\n"
    other = replace(cluster, database=f"{cluster.database}_copy")
    migrate(other)
    copied = CliRunner().invoke(import_files, [file], env={**env, "WEFTLINE_CLICKHOUSE_DATABASE": other.database})
    assert copied.stdout == f"Stored {rows} spans and log records; 0 were there already; 0 refused.\n"
    assert {table: sum(of) for table, of in counts(other).items()} == {
        table: sum(of) for table, of in counts(cluster).items()
    }


@pytest.mark.clickhouse
def test_clickhouse_takes_the_replicated_tables(tmp_path: Path) -> None:
    """On two replicas and a real ZooKeeper; the second is told by the first's what the table must look like."""
    with start_zookeeper(tmp_path / "zookeeper") as zookeeper, start_replicas(tmp_path, zookeeper) as replicas:
        settings = ClickHouseSettings(tcp_port=replicas[0].tcp_port, cluster=REPLICAS, database="default")
        [[first, second]] = servers(settings)
        assert one_a_shard(settings) == [first]
        assert [first.tcp_port, second.tcp_port] == [it.tcp_port for it in replicas]
        made = 0
        for server in (first, second):
            with connect(server) as client:
                for statement in (it for migration in statements.migrations() for it in migration.statements):
                    if (text := clustered(statement, settings)) != statement:
                        client.execute(text)
                        made += 1
                [(tables, paths)] = client.execute(
                    "SELECT count(), uniqExact(zookeeper_path) FROM system.replicas WHERE zookeeper_path LIKE '/clickhouse/tables/1/default/%'"
                )
                assert tables == paths >= 15
        assert made == 2 * tables


@pytest.mark.clickhouse
def test_no_shard_shows_one_tenant_the_rows_of_another(cluster: ClickHouseSettings) -> None:
    """A shard works on views by itself: the tenant's condition has to arrive there."""
    with closing(ClickHouseWriter(cluster)) as writer:
        for tenant in ("a", "b"):
            fill(writer, tenant, tenant)
    look = ProxyStatRow(START // 10**6, START // 10**6 - 1, "n", "cart", "x", "scrapes", "", "", 1, 1)
    for tenant in ("a", "b"):
        ClickHouseProxyStats(cluster, tenant).insert([look], tenant)
    views = ("searchable_spans", "searchable_logs", "searchable_access_logs", "searchable_transactions")
    empty = {"proxy_records"}  # of nodes that say their name, which these don't
    queries = ("SELECT count() FROM {table}", "SELECT count() FROM (SELECT * FROM {table} LIMIT 100000)",
               "SELECT count() FROM numbers(1) WHERE 1 IN (SELECT 1 FROM {table})",
               "WITH it AS (SELECT 1 AS one FROM {table}) SELECT count() FROM it AS l JOIN (SELECT 1 AS one FROM {table} LIMIT 1) AS r USING one")  # fmt: skip
    asker = Asker()
    with closing(ClickHouseConnections(cluster, lambda: asker)) as connections:
        for table in {*TABLES, *views} - empty:
            for query in queries:
                found = []
                for asker.tenant in ("a", "b", "nobody"):
                    [(count,)] = connections.execute(query.format(table=table), {})
                    found.append(count)
                # Rows of aggregates merge in between.
                assert found[0] > 0, (table, query)
                assert found[1] > 0, (table, query)
                assert found[2] == 0, (table, query)
                assert table not in views or found[0] == found[1], (table, query)
            for asker.tenant in ("a", "b") if table in TABLES else ():
                whose = f"SELECT groupUniqArray(toString(tenant)) FROM {table}"
                assert connections.execute(whose, {}) == [([asker.tenant],)], table
    for tenant in ("a", "b"):
        asker.tenant = tenant
        with closing(ClickHouseReader(cluster, lambda: asker)) as reader:
            assert (
                len(reader.transaction(TRANSACTIONS[0], 100))
                == len(reader.transaction(reader.resolve("order-0")[0], 100))
                > 5
            )
    asker.tenant = "nobody"
    with (
        closing(ClickHouseReader(cluster, lambda: asker)) as reader,
        closing(ClickHouseSearcher(cluster, lambda: asker)) as searcher,
    ):
        assert reader.resolve("order-0") == reader.transaction(TRANSACTIONS[0], 100) == reader.services() == []
        condition = understand("service=shop", START).condition
        assert searcher.search(condition, Window(START - SECOND, START + 100 * SECOND), None, 10, 60.0) == []
