"""sqlite3: a client span for each execution of a cursor, a connection's shortcuts included.

Connections and cursors are C: those made after the agent started are of subclasses (dbapi.py). What the application
makes by calling `sqlite3.Connection` itself gets no spans.
"""

import sys
from typing import Any

from weftline.agent import dbapi, query
from weftline.agent.pointcut import Advice, Pointcut


def connect(factory: Any) -> tuple[Any, None]:
    """The connection class to make instead of the one asked for."""
    root = sys.modules["_sqlite3"].Connection
    wanted = root if factory is None else factory
    if isinstance(wanted, type) and issubclass(wanted, root):
        return _DRIVER.connection_class(wanted, root), None
    return factory, None


def _describe(attributes: dict[str, Any], cursor: Any, text: Any, batch: Any) -> str:  # noqa: ARG001 - a Driver's
    return query.describe(attributes, _SERVER, text, batch)


def _code(exception: BaseException) -> object:
    return getattr(exception, "sqlite_errorname", None)


def _usual(connection: Any) -> type:  # noqa: ARG001 - a Driver's
    found: type = sys.modules["_sqlite3"].Cursor
    return found


_METHODS = ("execute", "executemany", "executescript")
_SERVER = query.Server("sqlite")
_DRIVER = dbapi.Driver(
    query.Library("sqlite3", "SQLite3Instrumentor"),
    _describe,
    _code,
    methods=_METHODS,
    factory="factory",
    place=0,
    usual=_usual,
    shortcuts=_METHODS,
)

CONNECT = Advice(connect)

_SIGNATURE = "database, timeout, detect_types, isolation_level, check_same_thread, factory, cached_statements, uri"
"""What C does not tell."""

POINTCUTS = [
    Pointcut(
        module="_sqlite3",
        target="connect",
        advice=f"{__name__}:CONNECT",
        args=("factory",),
        replaces=("factory",),
        kind="observe",
        signature=_SIGNATURE,
    ),
]
