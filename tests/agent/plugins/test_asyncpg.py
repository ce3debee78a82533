"""asyncpg against a real PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from support.otlp_sink import OtlpSink
from support.postgres_server import Postgres
from support.served import names, queries, served

pytestmark = pytest.mark.socket
Start = Callable[..., None]


def run(postgres: Postgres, work: Callable[[Any], Awaitable[Any]]) -> Any:
    settings = dict(postgres.parameters)
    settings["database"] = settings.pop("dbname")

    async def main() -> Any:
        connection = await asyncpg.connect(**settings)
        try:
            with served():
                return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(main())


def test_a_query(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    row = run(postgres, lambda connection: connection.fetchrow("SELECT $1::text AS a, 's3cret' AS b, 7", "s3cret"))
    assert isinstance(row, asyncpg.Record)
    assert tuple(row) == ("s3cret", "s3cret", 7)
    (span,) = queries(sink)
    assert (span["name"], span["parent_id"], span["status"]) == ("SELECT", sink.spans(kind="SERVER")[0]["span_id"], 0)
    assert span["attributes"] == {
        "db.system.name": "postgresql",
        "db.namespace": "shopdb",
        "db.operation.name": "SELECT",
        "db.query.summary": "SELECT",
        "db.query.text": "SELECT $1::text AS a, ? AS b, ?",
        "server.address": "127.0.0.1",
        "server.port": postgres.port,
    }


def test_each_call_is_one_span(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()

    async def work(connection: Any) -> None:
        await connection.execute("CREATE TEMPORARY TABLE a (n int)")
        assert await connection.execute("INSERT INTO a VALUES ($1)", 0) == "INSERT 0 1"
        await connection.executemany("INSERT INTO a VALUES ($1)", [(1,), (2,)])
        assert [tuple(row) for row in await connection.fetch("SELECT n FROM a ORDER BY n")] == [(0,), (1,), (2,)]
        assert await connection.fetchval("SELECT count(*) FROM a") == 3
        prepared = await connection.prepare("SELECT n FROM a WHERE n > $1")
        assert len(await prepared.fetch(0)) == 2
        await (await connection.prepare("DELETE FROM a WHERE n = $1")).executemany([(1,), (2,)])
        await connection.copy_records_to_table("a", records=[(n,) for n in range(100)])

    run(postgres, work)
    assert names(queries(sink)) == [
        "CREATE TABLE a", "INSERT a", "BATCH INSERT a", "SELECT a", "SELECT a", "SELECT a", "BATCH DELETE a", "COPY a",
    ]  # fmt: skip


def test_a_cursor_is_one_span(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()

    async def work(connection: Any) -> None:
        async with connection.transaction():
            found = [row[0] async for row in connection.cursor("SELECT generate_series(1, 200)", prefetch=50)]
            assert found == list(range(1, 201))
            cursor = await connection.cursor("SELECT generate_series(1, 3)")
            assert len(await cursor.fetch(2)) == 2

    run(postgres, work)
    spans = queries(sink)
    assert [span["attributes"]["db.query.text"] for span in spans] == [
        "BEGIN;", "SELECT generate_series(?, ?)", "SELECT generate_series(?, ?)", "COMMIT;",
    ]  # fmt: skip


def test_an_error(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()

    async def work(connection: Any) -> None:
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.fetch("SELECT * FROM nowhere")
        with pytest.raises(asyncio.TimeoutError):
            await connection.execute("SELECT pg_sleep(5)", timeout=0.05)

    run(postgres, work)
    failed, timed_out = queries(sink)
    assert failed["attributes"]["db.response.status_code"] == failed["attributes"]["error.type"] == "42P01"
    assert timed_out["attributes"]["error.type"] == "TimeoutError"
    assert failed["status"] == timed_out["status"] == 2


def test_a_pools_connection_and_its_reset(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    settings = dict(postgres.parameters)
    settings["database"] = settings.pop("dbname")

    async def main() -> None:
        async with asyncpg.create_pool(**settings, min_size=1, max_size=2) as pool:
            async with pool.acquire() as connection:
                assert isinstance(connection, asyncpg.Connection)
                await connection.fetchval("SELECT 1")
            assert await asyncio.gather(*(pool.fetchval("SELECT $1::int", n) for n in range(5))) == [0, 1, 2, 3, 4]

    asyncio.run(main())
    spans = queries(sink)
    assert names(spans) == ["SELECT"] * 6
    assert {span["attributes"]["server.port"] for span in spans} == {postgres.port}
    assert len({span["trace_id"] for span in spans}) == 6


def test_sampled_out(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent(OTEL_TRACES_SAMPLER="always_off")
    assert run(postgres, lambda connection: connection.fetchval("SELECT 1")) == 1
    assert queries(sink) == []
