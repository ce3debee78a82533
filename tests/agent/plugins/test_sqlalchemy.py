"""SQLAlchemy on the real drivers: SQLite, PostgreSQL (psycopg, psycopg2, asyncpg), MariaDB (PyMySQL)."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import create_async_engine

from support.mariadb_server import MariaDB
from support.otlp_sink import OtlpSink
from support.postgres_server import Postgres
from support.served import names, queries, served

pytestmark = pytest.mark.socket
Start = Callable[..., None]


def url(driver: str, parameters: dict[str, Any]) -> sa.URL:
    return sa.URL.create(
        driver,
        username=parameters["user"],
        password=parameters["password"],
        host=parameters["host"],
        port=parameters["port"],
        database=parameters.get("dbname") or parameters["database"],
    )


@pytest.fixture(params=["sqlite", "postgresql+psycopg", "postgresql+psycopg2", "mysql+pymysql"])
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    driver = request.param
    if driver == "sqlite":
        made = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    else:
        server = request.getfixturevalue("postgres" if "postgres" in driver else "mariadb")
        made = sa.create_engine(url(driver, server.parameters), pool_pre_ping=True)
    yield made
    made.dispose()


@pytest.fixture
def cart(engine: sa.Engine) -> Iterator[sa.Table]:
    table = sa.Table("cart", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))
    table.create(engine)
    yield table
    table.drop(engine)


def test_one_span_for_a_call_with_any_driver(
    start_agent: Start, sink: OtlpSink, engine: sa.Engine, cart: sa.Table
) -> None:
    engine.dispose() if engine.name != "sqlite" else None  # so that it connects anew, inside the request
    start_agent()
    with served() as request, engine.begin() as connection:
        connection.execute(cart.insert(), [{"id": n, "name": "s3cret"} for n in (1, 2, 3)])
        rows = connection.execute(sa.select(cart.c.name).where(cart.c.id.in_([1, 2]))).all()
        assert rows == [("s3cret",), ("s3cret",)]
        connection.execute(sa.text("UPDATE cart SET name = 's3cret' WHERE id = 1"))
    spans = queries(sink)
    assert names(spans) == ["BATCH INSERT cart", "SELECT cart", "UPDATE cart"]
    assert {span["parent_id"] for span in spans} == {f"{request.span_id:016x}"}
    assert spans[0]["attributes"]["db.operation.batch.size"] == 3
    assert "IN (?)" in spans[1]["attributes"]["db.query.text"]
    systems = {"sqlite": "sqlite", "postgresql": "postgresql", "mysql": "mariadb"}
    assert {span["attributes"]["db.system.name"] for span in spans} == {systems[engine.name]}
    if engine.name != "sqlite":
        assert spans[1]["attributes"]["server.port"] == engine.url.port
        assert spans[1]["attributes"]["db.namespace"] == "shopdb"


def test_an_error_without_the_parameters(start_agent: Start, sink: OtlpSink, engine: sa.Engine, cart: sa.Table) -> None:
    start_agent()
    with served(), engine.connect() as connection:
        with pytest.raises(sa.exc.DBAPIError) as caught:
            connection.execute(sa.text("SELECT * FROM nowhere WHERE name = :name"), {"name": "s3cret"})
        assert "s3cret" in str(caught.value)
    (span,) = queries(sink)
    expected = {"sqlite": "SQLITE_ERROR", "postgresql": "42P01", "mysql": "1146"}[engine.name]
    assert span["attributes"]["db.response.status_code"] == span["attributes"]["error.type"] == expected
    assert (
        span["events"][0]["exception.type"]
        == f"{type(caught.value.orig).__module__}.{type(caught.value.orig).__qualname__}"
    )
    assert span["status"] == 2


def test_the_orm(start_agent: Start, sink: OtlpSink, engine: sa.Engine, cart: sa.Table) -> None:
    registry = orm.registry()

    class Item:
        pass

    registry.map_imperatively(Item, cart)
    start_agent()
    with served(), orm.Session(engine) as session:
        for number in (1, 2):
            item = Item()
            item.id, item.name = number, "s3cret"
            session.add(item)
        session.commit()
        assert session.get(Item, 1).name == "s3cret"
        assert session.scalars(sa.select(Item).order_by(cart.c.id)).all()[1].id == 2
    assert names(queries(sink)) == ["BATCH INSERT cart", "SELECT cart", "SELECT cart"]
    registry.dispose()


def test_sampled_out(start_agent: Start, sink: OtlpSink, engine: sa.Engine, cart: sa.Table) -> None:
    start_agent()
    with served(0), engine.connect() as connection:
        assert connection.execute(sa.select(cart)).all() == []
    assert queries(sink) == []


def test_asynchronous_on_asyncpg(start_agent: Start, sink: OtlpSink, postgres: Postgres) -> None:
    start_agent()

    async def main() -> list[Any]:
        engine = create_async_engine(url("postgresql+asyncpg", postgres.parameters), pool_pre_ping=True)
        with served() as request:
            async with engine.connect() as connection:
                found = (await connection.execute(sa.text("SELECT 's3cret'"))).scalars().all()
            async with engine.connect() as connection:  # pinged first
                stream = await connection.stream(sa.text("SELECT generate_series(1, 3)"))
                found += [row[0] async for row in stream]
        await engine.dispose()
        return [request.span_id, *found]

    parent, *found = asyncio.run(main())
    assert found == ["s3cret", 1, 2, 3]
    spans = queries(sink)
    texts = [span["attributes"]["db.query.text"] for span in spans if span["name"].startswith("SELECT")]
    assert texts == ["SELECT ?", "SELECT generate_series(?, ?)"]
    assert {span["parent_id"] for span in spans} == {f"{parent:016x}"}


def test_what_the_application_sees_is_unchanged(start_agent: Start, sink: OtlpSink, mariadb: MariaDB) -> None:
    seen: list[str] = []
    engine = sa.create_engine(url("mysql+pymysql", mariadb.parameters))
    sa.event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    start_agent()
    with engine.connect() as connection:
        result = connection.execute(sa.text("SELECT 1 AS a"))
        assert type(result) is sa.CursorResult
        assert result.mappings().one() == {"a": 1}
    engine.dispose()
    assert seen == ["SELECT 1 AS a"]
    assert names(queries(sink)) == ["SELECT"]
