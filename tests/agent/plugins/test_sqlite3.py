"""sqlite3, the standard library's."""

import functools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.otlp_sink import OtlpSink
from support.served import names, queries, served

Start = Callable[..., None]
pytestmark = pytest.mark.socket  # the sink's


def test_queries(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    with sqlite3.connect(":memory:") as connection, served() as request:
        connection.execute("CREATE TABLE cart (id INTEGER PRIMARY KEY, name TEXT)")
        cursor = connection.cursor()
        assert cursor.executemany("INSERT INTO cart VALUES (?, ?)", [(1, "s3cret"), (2, "s3cret")]) is cursor
        rows = connection.execute("SELECT name FROM cart WHERE id = ? AND name = 's3cret'", (1,)).fetchall()
        assert rows == [("s3cret",)]
        connection.executescript("DELETE FROM cart WHERE id = 1; DELETE FROM cart;")
    connection.close()
    spans = queries(sink)
    assert names(spans) == ["CREATE TABLE cart", "BATCH INSERT cart", "SELECT cart", "DELETE cart DELETE cart"]
    assert {span["parent_id"] for span in spans} == {f"{request.span_id:016x}"}
    assert spans[1]["attributes"]["db.operation.batch.size"] == 2
    assert spans[2]["attributes"] == {
        "db.system.name": "sqlite",
        "db.operation.name": "SELECT",
        "db.collection.name": "cart",
        "db.query.summary": "SELECT cart",
        "db.query.text": "SELECT name FROM cart WHERE id = ? AND name = ?",
    }


def test_an_error(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE cart (id INTEGER PRIMARY KEY)")
    with served(), pytest.raises(sqlite3.IntegrityError) as caught:
        connection.executemany("INSERT INTO cart VALUES (?)", [(1,), (1,)])
    assert caught.traceback[-1].name != "contained"
    connection.close()
    span = queries(sink)[-1]
    assert span["attributes"]["error.type"] == "SQLITE_CONSTRAINT_PRIMARYKEY"
    assert span["attributes"]["db.response.status_code"] == "SQLITE_CONSTRAINT_PRIMARYKEY"
    assert span["status"] == 2
    assert span["events"][0]["exception.type"] == "sqlite3.IntegrityError"


def test_sampled_out(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    connection = sqlite3.connect(":memory:")
    with served(0):
        assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()
    assert queries(sink) == []


def test_what_the_application_sees_is_unchanged(start_agent: Start, sink: OtlpSink, tmp_path: Path) -> None:
    class Cursor(sqlite3.Cursor):
        def execute(self, text: str, *args: Any) -> Any:
            return sqlite3.Cursor.execute(self, text.replace("?!", "?"), *args)

    class Connection(sqlite3.Connection):
        mine = "yes"

        def cursor(self, factory: type[sqlite3.Cursor] = Cursor) -> Any:
            return super().cursor(factory)

    start_agent()
    plain = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    assert isinstance(plain, sqlite3.Connection)
    assert isinstance(plain.cursor(), sqlite3.Cursor)
    assert isinstance(plain.cursor(Cursor), Cursor)
    assert repr(plain).startswith("<sqlite3.Connection object at ")
    assert repr(plain.cursor()).startswith("<sqlite3.Cursor object at ")
    assert type(plain).__name__ == "Connection"
    with pytest.raises(AttributeError):
        plain.own = 1
    plain.row_factory = sqlite3.Row
    assert tuple(plain.execute("SELECT 1 AS a").fetchone()) == (1,)
    with pytest.raises(TypeError):
        plain.cursor().execute()
    with pytest.raises(TypeError):
        plain.cursor(5)
    plain.close()
    with pytest.raises(sqlite3.ProgrammingError):
        plain.execute("SELECT 1")
    own = sqlite3.connect(":memory:", factory=Connection)
    assert (own.mine, isinstance(own, Connection)) == ("yes", True)
    assert isinstance(own.cursor(), Cursor)
    assert own.cursor().execute("SELECT ?!", (5,)).fetchone() == (5,)
    assert own.execute("SELECT 6").fetchone() == (6,)
    own.close()
    made = sqlite3.connect(":memory:", factory=functools.partial(sqlite3.Connection))
    assert type(made) is sqlite3.Connection
    made.close()
    assert names(queries(sink)) == ["SELECT", "sqlite", "SELECT", "SELECT", "SELECT"]


def test_connections_outlive_the_agent(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    connection = sqlite3.connect(":memory:")
    assert queries(sink) == []
    assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()
    after = sqlite3.connect(":memory:")
    assert type(after) is sqlite3.Connection
    after.close()
