"""clickhouse-connect against a real ClickHouse, synchronous and asynchronous."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import clickhouse_connect
import clickhouse_connect.driver.exceptions
import pytest

from support.otlp_sink import OtlpSink
from support.served import names, queries, served
from weftline.deploy.local.clickhouse import ClickHouse

pytestmark = pytest.mark.clickhouse
Start = Callable[..., None]


@pytest.fixture
def client(clickhouse: ClickHouse) -> Iterator[Any]:
    with clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse.http_port, database="default") as client:
        client.command("CREATE TABLE connect_cart (id UInt32, name String) ENGINE = Memory")
        yield client
        client.command("DROP TABLE connect_cart")


def test_queries(start_agent: Start, sink: OtlpSink, client: Any, clickhouse: ClickHouse) -> None:
    start_agent()
    with served() as request:
        assert client.insert("connect_cart", [[1, "s3cret"], [2, "s3cret"]]).written_rows == 2
        rows = client.query(
            "SELECT name FROM connect_cart WHERE id = {id:UInt32} AND name != 'x'", parameters={"id": 1}
        )
        assert rows.result_rows == [("s3cret",)]
        assert client.command("SELECT count() FROM connect_cart") == 2
        assert client.raw_query("SELECT 's3cret'", fmt="TSV") == b"s3cret\n"
        client.raw_insert("connect_cart", insert_block="3\ts3cret\n", fmt="TSV")
        with client.query_rows_stream("SELECT id FROM connect_cart ORDER BY id") as stream:
            assert list(stream) == [(1,), (2,), (3,)]
        assert client.ping()
    spans = queries(sink)
    assert [(span["name"], span["scope"][0]) for span in spans] == [
        (name, "weftline.agent.clickhouse_connect")
        for name in (
            "BATCH INSERT connect_cart", "SELECT connect_cart", "SELECT connect_cart", "SELECT", "INSERT connect_cart",
            "SELECT connect_cart",
        )
    ]  # fmt: skip
    assert {span["parent_id"] for span in spans} == {f"{request.span_id:016x}"}
    assert spans[0]["attributes"]["db.operation.batch.size"] == 2
    assert spans[1]["attributes"] == {
        "db.system.name": "clickhouse",
        "db.namespace": "default",
        "db.operation.name": "SELECT",
        "db.collection.name": "connect_cart",
        "db.query.summary": "SELECT connect_cart",
        "db.query.text": "SELECT name FROM connect_cart WHERE id = {id:UInt32} AND name != ?",
        "server.address": "127.0.0.1",
        "server.port": clickhouse.http_port,
    }


def test_a_new_client_makes_no_spans(start_agent: Start, sink: OtlpSink, clickhouse: ClickHouse) -> None:
    start_agent()
    with served(), clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse.http_port) as client:
        assert client.query("SELECT 1").result_rows == [(1,)]
    assert names(queries(sink)) == ["SELECT"]


def test_an_error(start_agent: Start, sink: OtlpSink, client: Any) -> None:
    start_agent()
    with served(), pytest.raises(clickhouse_connect.driver.exceptions.DatabaseError) as caught:
        client.query("SELECT * FROM nowhere WHERE name = {name:String}", parameters={"name": "s3cret"})
    assert "60" in str(caught.value)
    (span,) = queries(sink)
    assert span["attributes"]["db.response.status_code"] == span["attributes"]["error.type"] == "60"
    assert span["status"] == 2


def test_asynchronous(start_agent: Start, sink: OtlpSink, client: Any, clickhouse: ClickHouse) -> None:
    start_agent()

    async def main() -> list[Any]:
        client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=clickhouse.http_port)
        await client.insert("connect_cart", [[1, "s3cret"], [2, "s3cret"]])
        rows = await client.query("SELECT name FROM connect_cart WHERE id = 1")
        found = await asyncio.gather(*(client.command(f"SELECT {n}") for n in range(3)))
        closing = client.close()
        if closing is not None:  # before 1.0 nothing is to be awaited
            await closing
        return [*rows.result_rows, *found]

    with served() as request:
        assert asyncio.run(main()) == [("s3cret",), 0, 1, 2]
    spans = queries(sink)
    assert names(spans) == ["BATCH INSERT connect_cart", "SELECT connect_cart", *["SELECT"] * 3]
    assert {span["parent_id"] for span in spans} == {f"{request.span_id:016x}"}


def test_sampled_out(start_agent: Start, sink: OtlpSink, client: Any) -> None:
    start_agent()
    with served(0):
        assert client.command("SELECT 1") == 1
    assert queries(sink) == []
