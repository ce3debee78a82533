"""psycopg2: a client span for each execution of a cursor, `psycopg2.extras`' bulk functions included (one span for each
statement they send).

Connections and cursors are C: those made after the agent started are of subclasses (dbapi.py).
"""

import sys
from typing import Any

from weftline.agent import dbapi, query
from weftline.agent.pointcut import Advice, Pointcut


def connect(connection_factory: Any) -> tuple[Any, None]:
    """The connection class to make instead of the one asked for."""
    root = sys.modules["psycopg2.extensions"].connection
    wanted = root if connection_factory is None else connection_factory
    if isinstance(wanted, type) and issubclass(wanted, root):
        return _DRIVER.connection_class(wanted, root), None
    return connection_factory, None


def _describe(attributes: dict[str, Any], cursor: Any, text: Any, batch: Any) -> str:
    connection = cursor.connection
    if not isinstance(text, (str, bytes)) and hasattr(text, "as_string"):  # psycopg2.sql's composed statements
        text = text.as_string(connection)
    return query.describe(attributes, _server(connection), text, batch)


def _server(connection: Any) -> query.Server:
    if connection.closed:  # libpq forgot where it led
        return query.Server("postgresql")
    info = connection.info
    return query.Server("postgresql", info.dbname or "", info.host or "", info.port or 0)


def _code(exception: BaseException) -> object:
    return getattr(exception, "pgcode", None)


def _usual(connection: Any) -> type:
    found: type = connection.cursor_factory or sys.modules["psycopg2.extensions"].cursor
    return found


_DRIVER = dbapi.Driver(
    query.Library("psycopg2", "Psycopg2Instrumentor"),
    _describe,
    _code,
    methods=("execute", "executemany"),
    factory="cursor_factory",
    place=1,
    usual=_usual,
)

CONNECT = Advice(connect)

POINTCUTS = [
    Pointcut(
        module="psycopg2",
        target="connect",
        advice=f"{__name__}:CONNECT",
        args=("connection_factory",),
        replaces=("connection_factory",),
        kind="observe",
        versions="psycopg2>=2.9.5",
    ),
]
