"""psycopg2 against a real PostgreSQL."""

from collections.abc import Callable
from typing import Any

import psycopg2
import psycopg2.extensions
import psycopg2.extras
import psycopg2.sql
import pytest

from support.otlp_sink import OtlpSink
from support.postgres_server import Postgres
from support.served import names, queries, served

pytestmark = pytest.mark.socket
Start = Callable[..., None]


def test_queries(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    with psycopg2.connect(**postgres.parameters) as connection, served() as request:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE cart (id int, name text)")
            cursor.executemany("INSERT INTO cart VALUES (%s, %s)", [(1, "s3cret"), (2, "s3cret")])
            assert cursor.execute(query="SELECT name FROM cart WHERE id = %s AND name = 's3cret'", vars=(1,)) is None
            assert cursor.fetchall() == [("s3cret",)]
            psycopg2.extras.execute_values(cursor, "INSERT INTO cart VALUES %s", [(n, "s3cret") for n in range(50)])
        with connection.cursor("named", psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute("SELECT count(*) FROM cart")
            assert [dict(row) for row in cursor] == [{"count": 52}]
    connection.close()
    spans = queries(sink)
    assert names(spans) == ["CREATE TABLE cart", "BATCH INSERT cart", "SELECT cart", "INSERT cart", "SELECT cart"]
    assert {span["parent_id"] for span in spans} == {f"{request.span_id:016x}"}
    assert spans[2]["attributes"] == {
        "db.system.name": "postgresql",
        "db.namespace": "shopdb",
        "db.operation.name": "SELECT",
        "db.collection.name": "cart",
        "db.query.summary": "SELECT cart",
        "db.query.text": "SELECT name FROM cart WHERE id = %s AND name = ?",
        "server.address": "127.0.0.1",
        "server.port": postgres.port,
    }
    assert spans[3]["attributes"]["db.query.text"] == "INSERT INTO cart VALUES (?,?)"


def test_an_error_without_the_parameters(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    connection = psycopg2.connect(**postgres.parameters)
    with served(), pytest.raises(psycopg2.errors.UndefinedTable) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere WHERE name = %s", ["s3cret"])
    assert "s3cret" in str(caught.value)
    assert caught.value.cursor is not None
    connection.close()
    (span,) = queries(sink)
    assert span["attributes"]["db.response.status_code"] == span["attributes"]["error.type"] == "42P01"
    assert span["events"][0]["exception.message"].startswith('relation "nowhere" does not exist ?')
    assert span["status"] == 2


def test_sampled_out(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()
    connection = psycopg2.connect(**postgres.parameters)
    with served(0), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    connection.close()
    assert queries(sink) == []


def test_what_the_application_sees_is_unchanged(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    class Cursor(psycopg2.extensions.cursor):
        pass

    class Connection(psycopg2.extensions.connection):
        def cursor(self, *args: Any, **named: Any) -> Any:
            named.setdefault("cursor_factory", Cursor)
            return super().cursor(*args, **named)

    start_agent()
    plain = psycopg2.connect(**postgres.parameters, cursor_factory=psycopg2.extras.DictCursor)
    assert isinstance(plain, psycopg2.extensions.connection)
    assert plain.cursor_factory is psycopg2.extras.DictCursor
    assert repr(plain).startswith("<connection object at ")
    with plain.cursor() as cursor:
        assert isinstance(cursor, psycopg2.extras.DictCursor)
        cursor.execute(psycopg2.sql.SQL("SELECT {} AS a").format(psycopg2.sql.Literal("s3cret")))
        assert cursor.fetchone()["a"] == "s3cret"
        assert cursor.query == b"SELECT 's3cret' AS a"
    psycopg2.extensions.register_type(psycopg2.extensions.UNICODE, plain)
    plain.cursor_factory = None
    assert isinstance(plain.cursor(), psycopg2.extensions.cursor)
    plain.close()
    with pytest.raises(psycopg2.InterfaceError):
        plain.cursor()
    own = psycopg2.connect(**postgres.parameters, connection_factory=Connection)
    assert isinstance(own, Connection)
    assert isinstance(own.cursor(), Cursor)
    own.close()
    logged = psycopg2.connect(**postgres.parameters, connection_factory=psycopg2.extras.RealDictConnection)
    with logged.cursor() as cursor:
        cursor.execute("SELECT 1 AS a")
        assert cursor.fetchone() == {"a": 1}
    logged.close()
    assert names(queries(sink)) == ["SELECT", "SELECT"]
