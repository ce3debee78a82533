"""psycopg 3 against a real PostgreSQL, synchronous and asynchronous."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import psycopg.rows
import pytest
from psycopg import sql

import weftline.agent
from support.otlp_sink import OtlpSink
from support.postgres_server import Postgres
from support.served import names, queries, served
from weftline.agent import context

pytestmark = pytest.mark.socket
Start = Callable[..., None]


def test_a_query(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    with psycopg.connect(**postgres.parameters) as connection, served() as request:
        row = connection.execute("SELECT %s::text, 's3cret', 7 -- s3cret", ["s3cret"]).fetchone()
        assert row == ("s3cret", "s3cret", 7)
        assert weftline.agent.transaction_id() == f"{request.trace_id:032x}"
    (span,) = queries(sink)
    assert (span["name"], span["parent_id"], span["status"]) == ("SELECT", f"{request.span_id:016x}", 0)
    assert span["attributes"] == {
        "db.system.name": "postgresql",
        "db.namespace": "shopdb",
        "db.operation.name": "SELECT",
        "db.query.summary": "SELECT",
        "db.query.text": "SELECT %s::text, ?, ?",
        "server.address": "127.0.0.1",
        "server.port": postgres.port,
    }


def test_asynchronous(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()

    async def main() -> list[Any]:
        async with await psycopg.AsyncConnection.connect(**postgres.parameters) as connection:
            await connection.execute("CREATE TEMPORARY TABLE a (n int)")
            cursor = connection.cursor()
            await cursor.executemany("INSERT INTO a VALUES (%s)", [(1,), (2,), (3,)])
            async with connection.cursor(name="named") as named:
                await named.execute("SELECT n FROM a ORDER BY n")
                return await named.fetchall()

    with served() as request:
        assert asyncio.run(main()) == [(1,), (2,), (3,)]
    spans = queries(sink)
    assert names(spans) == ["CREATE TABLE a", "BATCH INSERT a", "SELECT a"]
    assert {span["parent_id"] for span in spans} == {f"{request.span_id:016x}"}
    assert spans[1]["attributes"]["db.operation.batch.size"] == 3
    assert spans[1]["attributes"]["db.operation.name"] == "BATCH INSERT"
    assert spans[1]["attributes"]["db.collection.name"] == "a"


def test_an_error(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    with psycopg.connect(**postgres.parameters) as connection, served():
        with pytest.raises(psycopg.errors.UndefinedTable) as caught:
            connection.execute("SELECT * FROM nowhere")
        assert caught.value.sqlstate == "42P01"
    (span,) = queries(sink)
    assert (span["name"], span["status"]) == ("SELECT nowhere", 2)
    assert span["attributes"]["db.response.status_code"] == span["attributes"]["error.type"] == "42P01"
    assert span["events"][0]["exception.type"] == "psycopg.errors.UndefinedTable"


def test_a_connection_that_is_closed(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    connection = psycopg.connect(**postgres.parameters)
    cursor = connection.cursor()
    connection.close()
    with pytest.raises(psycopg.OperationalError):
        cursor.execute("SELECT 1")
    (span,) = queries(sink)
    assert span["attributes"]["error.type"] == "psycopg.OperationalError"
    assert "db.response.status_code" not in span["attributes"]


def test_sampled_out(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    with psycopg.connect(**postgres.parameters) as connection, served(0):
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert queries(sink) == []


def test_what_the_application_sees_is_unchanged(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    with psycopg.connect(**postgres.parameters, row_factory=psycopg.rows.dict_row) as connection:
        with connection.cursor() as cursor:
            assert type(cursor) is psycopg.Cursor
            assert cursor.execute(sql.SQL("SELECT {} AS a").format(sql.Literal("s3cret"))) is cursor
            assert cursor.fetchall() == [{"a": "s3cret"}]
            assert cursor.execute(b"SELECT 2 AS a").fetchone() == {"a": 2}
        with psycopg.ClientCursor(connection) as client:
            assert client.execute("SELECT %s AS a", ["s3cret"]).fetchone() == {"a": "s3cret"}
        with pytest.raises(psycopg.ProgrammingError), connection.cursor() as cursor:
            cursor.execute("SELECT %s", [])
    spans = queries(sink)
    assert [span["attributes"]["db.query.text"] for span in spans] == ["SELECT ? AS a", "SELECT ? AS a", "SELECT %s AS a", "SELECT %s"]  # fmt: skip


def test_copy(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    with psycopg.connect(**postgres.parameters) as connection, served() as request:
        cursor = connection.cursor()
        cursor.execute("CREATE TEMPORARY TABLE c (name text)")
        with cursor.copy("COPY c (name) FROM STDIN") as copy:
            assert context.current_span() is request.span
            copy.write_row(["s3cret"])
        with cursor.copy("COPY c TO STDOUT") as copy:
            assert list(copy.rows()) == [("s3cret",)]
        # before 3.1.? the server's answer is raised in its place
        with pytest.raises((LookupError, psycopg.errors.QueryCanceled)) as left, cursor.copy("COPY c FROM STDIN"):
            raise LookupError
        connection.rollback()
        with pytest.raises(psycopg.errors.UndefinedTable), cursor.copy("COPY nowhere FROM STDIN"):
            pass
    reason = "LookupError" if left.type is LookupError else "57014"
    spans = queries(sink)[1:]
    assert names(spans) == ["COPY c", "COPY c", "COPY c", "COPY nowhere"]
    assert {span["parent_id"] for span in spans} == {f"{request.span_id:016x}"}
    assert [span["attributes"].get("error.type") for span in spans] == [None, None, reason, "42P01"]


def test_stream(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    text = "SELECT n FROM generate_series(1, 1000) AS s (n)"
    with psycopg.connect(**postgres.parameters) as connection, served() as request:
        rows = connection.cursor().stream(text)
        assert next(rows) == (1,)
        assert context.current_span() is request.span
        assert sum(1 for _ in rows) == 999
        early = connection.cursor().stream(text)
        next(early)
        early.close()
        with pytest.raises(psycopg.errors.DivisionByZero):
            list(connection.cursor().stream("SELECT 1/0"))
    spans = queries(sink)
    assert {span["parent_id"] for span in spans} == {f"{request.span_id:016x}"}
    assert [span["attributes"].get("error.type") for span in spans] == [None, None, "22012"]


def test_copy_and_stream_asynchronously(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()

    async def main() -> None:
        async with await psycopg.AsyncConnection.connect(**postgres.parameters) as connection:
            cursor = connection.cursor()
            await cursor.execute("CREATE TEMPORARY TABLE c (n int)")
            with served() as request:
                async with cursor.copy("COPY c FROM STDIN") as copy:
                    assert context.current_span() is request.span
                    await copy.write_row([1])
                async for row in cursor.stream("SELECT n FROM c"):
                    assert row == (1,)
                    assert context.current_span() is request.span

    asyncio.run(main())
    assert names(queries(sink))[1:] == ["COPY c", "SELECT c"]
