"""PyMySQL against a real MariaDB."""

from collections.abc import Callable, Iterator
from typing import Any

import pymysql
import pymysql.cursors
import pytest

from support.mariadb_server import MariaDB
from support.otlp_sink import OtlpSink
from support.served import names, queries, served

pytestmark = pytest.mark.socket
Start = Callable[..., None]


@pytest.fixture
def connection(mariadb: MariaDB) -> Iterator[Any]:
    with pymysql.connect(**mariadb.parameters) as connection:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE cart (id INT PRIMARY KEY, name TEXT)")
        yield connection


def test_a_query(start_agent: Start, sink: OtlpSink, connection: Any, mariadb: MariaDB) -> None:
    start_agent()
    with served() as request, connection.cursor() as cursor:
        assert cursor.execute("SELECT %s, \"s3cret\", 'it\\'s s3cret', 5 FROM cart # s3cret", ["s3cret"]) == 0
    (span,) = queries(sink)
    assert (span["name"], span["parent_id"], span["status"]) == ("SELECT cart", f"{request.span_id:016x}", 0)
    assert span["attributes"] == {
        "db.system.name": "mariadb",
        "db.namespace": "shopdb",
        "db.operation.name": "SELECT",
        "db.collection.name": "cart",
        "db.query.summary": "SELECT cart",
        "db.query.text": "SELECT %s, ?, ?, ? FROM cart",
        "server.address": "127.0.0.1",
        "server.port": mariadb.port,
    }


@pytest.mark.parametrize("text", ["INSERT INTO cart VALUES (%s, %s)", "UPDATE cart SET id = %s WHERE name = %s"])
def test_executemany_is_one_span(start_agent: Start, sink: OtlpSink, connection: Any, text: str) -> None:
    """PyMySQL makes one statement of the INSERTs, and executes the UPDATEs one after the other."""
    start_agent()
    with served(), connection.cursor() as cursor:
        cursor.executemany(text, [(1, "s3cret"), (2, "s3cret")])
    (span,) = queries(sink)
    assert span["attributes"]["db.operation.batch.size"] == 2
    assert span["attributes"]["db.query.text"] == text
    assert span["name"].startswith("BATCH ")


def test_an_error(start_agent: Start, sink: OtlpSink, connection: Any) -> None:
    start_agent()
    with served(), connection.cursor() as cursor:
        with pytest.raises(pymysql.err.ProgrammingError) as caught:
            cursor.execute("SELECT * FROM nowhere")
        assert caught.value.args[0] == 1146
    (span,) = queries(sink)
    assert span["status"] == 2
    assert span["attributes"]["db.response.status_code"] == span["attributes"]["error.type"] == "1146"


def test_an_error_of_the_arguments(start_agent: Start, sink: OtlpSink, connection: Any) -> None:
    start_agent()
    with connection.cursor() as cursor, pytest.raises((TypeError, pymysql.err.ProgrammingError)) as caught:
        cursor.execute("SELECT %s, %s", ["s3cret"])
    (span,) = queries(sink)
    assert span["attributes"]["error.type"].endswith(type(caught.value).__name__)
    assert span["status"] == 2


def test_a_connections_own_query_and_what_gets_no_span(start_agent: Start, sink: OtlpSink, connection: Any) -> None:
    start_agent()
    with served():
        connection.begin()
        assert connection.query("DELETE FROM cart WHERE name = 's3cret'") == 0
        connection.commit()
        connection.rollback()
        connection.ping()
    assert names(queries(sink)) == ["DELETE cart"]


def test_sampled_out(start_agent: Start, sink: OtlpSink, connection: Any) -> None:
    start_agent()
    with served(0), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert queries(sink) == []


def test_what_the_application_sees_is_unchanged(start_agent: Start, sink: OtlpSink, connection: Any) -> None:
    start_agent()
    with connection.cursor(pymysql.cursors.SSDictCursor) as cursor:
        assert type(cursor) is pymysql.cursors.SSDictCursor
        cursor.execute("SELECT 1 AS a UNION SELECT 2")
        assert list(cursor) == [{"a": 1}, {"a": 2}]
        assert cursor.mogrify("SELECT %s", ["x"]) == "SELECT 'x'"
    with connection.cursor() as cursor:
        assert cursor.executemany("SELECT %s", []) is None
    assert names(queries(sink)) == ["SELECT SELECT", "SELECT"]
