"""clickhouse-driver against a real ClickHouse."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.otlp_sink import OtlpSink
from support.served import names, queries, served
from weftline.agent import context
from weftline.deploy.local.clickhouse import ClickHouse

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import clickhouse_driver
    import clickhouse_driver.dbapi
    import clickhouse_driver.errors

pytestmark = pytest.mark.clickhouse
Start = Callable[..., None]


@pytest.fixture
def client(clickhouse: ClickHouse) -> Iterator[Any]:
    client = clickhouse_driver.Client("127.0.0.1", port=clickhouse.tcp_port)
    client.execute("CREATE TABLE driver_cart (id UInt32, name String) ENGINE = Memory")
    yield client
    client.execute("DROP TABLE driver_cart")
    client.disconnect()


def test_queries(start_agent: Start, sink: OtlpSink, client: Any, clickhouse: ClickHouse) -> None:
    start_agent()
    with served() as request:
        assert client.execute("INSERT INTO driver_cart (id, name) VALUES", [(1, "s3cret"), (2, "s3cret")]) == 2
        rows = client.execute(
            "SELECT name FROM driver_cart WHERE id = %(id)s AND name != 'it\\'s s3cret'",
            {"id": 1},
            with_column_types=True,
        )
        assert rows == ([("s3cret",)], [("name", "String")])
        progress = client.execute_with_progress("SELECT count() FROM driver_cart")
        assert progress.get_result() == [(2,)]
        assert list(client.execute_iter("SELECT id FROM driver_cart ORDER BY id")) == [(1,), (2,)]
    spans = queries(sink)
    assert names(spans) == ["BATCH INSERT driver_cart", *["SELECT driver_cart"] * 3]
    assert {span["parent_id"] for span in spans} == {f"{request.span_id:016x}"}
    assert spans[0]["attributes"]["db.operation.batch.size"] == 2
    assert spans[1]["attributes"] == {
        "db.system.name": "clickhouse",
        "db.namespace": "default",
        "db.operation.name": "SELECT",
        "db.collection.name": "driver_cart",
        "db.query.summary": "SELECT driver_cart",
        "db.query.text": "SELECT name FROM driver_cart WHERE id = %(id)s AND name != ?",
        "server.address": "127.0.0.1",
        "server.port": clickhouse.tcp_port,
    }


def test_rows_taken_one_by_one(start_agent: Start, sink: OtlpSink, client: Any) -> None:
    text = "SELECT number FROM numbers(200000)"
    start_agent()
    with served() as request:
        rows = client.execute_iter(text)
        assert context.current_span() is request.span  # while nobody reads, and between the rows
        assert next(rows) == (0,)
        assert context.current_span() is request.span
        assert sum(1 for _ in rows) == 199_999
        early = client.execute_iter(text, chunk_size=10)
        next(early)
        early.close()
        client.disconnect()
        with pytest.raises(clickhouse_driver.errors.ServerException):
            list(client.execute_iter("SELECT throwIf(number = 100000) FROM numbers(200000)"))
        with pytest.raises(clickhouse_driver.errors.ServerException):
            list(client.execute_iter("SELECT * FROM nowhere"))
    whole, closed, broken, refused = queries(sink)
    assert {span["parent_id"] for span in (whole, closed, broken, refused)} == {f"{request.span_id:016x}"}
    assert [span["status"] for span in (whole, closed, broken, refused)] == [0, 0, 2, 2]
    assert broken["attributes"]["db.response.status_code"] == "395"


def test_errors(start_agent: Start, sink: OtlpSink, client: Any) -> None:
    start_agent()
    with served(), pytest.raises(clickhouse_driver.errors.ServerException) as caught:
        client.execute("SELECT * FROM nowhere WHERE name = %(name)s", {"name": "s3cret"})
    unreachable = clickhouse_driver.Client("127.0.0.1", port=1, password="s3cret")
    with served(), pytest.raises(clickhouse_driver.errors.NetworkError):
        unreachable.execute("SELECT 1")
    failed, lost = queries(sink)
    assert (
        failed["attributes"]["db.response.status_code"] == failed["attributes"]["error.type"] == str(caught.value.code)
    )
    assert lost["attributes"]["error.type"] == "clickhouse_driver.errors.NetworkError"
    assert lost["attributes"]["server.address"] == "127.0.0.1"
    assert failed["status"] == lost["status"] == 2


def test_through_the_database_api(start_agent: Start, sink: OtlpSink, client: Any, clickhouse: ClickHouse) -> None:
    start_agent()
    connect = clickhouse_driver.dbapi.connect
    with connect(host="127.0.0.1", port=clickhouse.tcp_port) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 7 AS a")
        assert cursor.fetchall() == [(7,)]
    assert names(queries(sink)) == ["SELECT"]


def test_sampled_out(start_agent: Start, sink: OtlpSink, client: Any) -> None:
    start_agent()
    with served(0):
        assert client.execute("SELECT 1") == [(1,)]
    assert queries(sink) == []
