"""psycopg 3, synchronous and asynchronous: a client span for each execution of a cursor.

`copy` and `stream` have theirs until the block is left or the last row is taken; what the program does meanwhile is
not below it. The COMMIT and ROLLBACK of a connection get none.
"""

import weakref
from typing import Any

from weftline.agent import installed, query
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import versions

_LIBRARY = query.Library("psycopg", "PsycopgInstrumentor")
_VERSIONS = "psycopg>=3.1.4"
_SYNC, _ASYNC = (
    ("_server_cursor", "_server_cursor_async")
    if versions.allows(">=3.3", installed.version("psycopg") or "3.3")
    else ("server_cursor", "server_cursor")
)
_servers: weakref.WeakKeyDictionary[Any, query.Server] = weakref.WeakKeyDictionary()


def execute(cursor: Any, text: Any) -> query.Query | None:
    """Begins the span of `execute`."""
    return query.begin(_LIBRARY, _describe, cursor, text, None)


def execute_many(cursor: Any, text: Any, parameters: Any) -> query.Query | None:
    """Begins the span of `executemany`."""
    return query.begin(_LIBRARY, _describe, cursor, text, parameters)


def error(token: query.Query | None, exception: BaseException) -> None:
    """Ends the span."""
    query.failed(token, exception, getattr(exception, "sqlstate", None))


def _describe(attributes: dict[str, Any], cursor: Any, text: Any, batch: Any) -> str:
    connection = cursor.connection
    if not isinstance(text, (str, bytes)) and hasattr(text, "as_string"):  # psycopg.sql's composed statements
        text = text.as_string(connection)
    return query.describe(attributes, _server(connection), text, batch)


def _server(connection: Any) -> query.Server:
    found = _servers.get(connection)
    if found is None:
        if connection.closed:  # psycopg will say so; libpq forgot where it led
            return query.Server("postgresql")
        info = connection.info
        found = _servers[connection] = query.Server("postgresql", info.dbname, info.host, info.port)
    return found


EXECUTE = Advice(execute, query.answered, error)
EXECUTE_MANY = Advice(execute_many, query.answered, error)
WHILE = Advice(execute, query.answered, error, query.pause, query.resume)

POINTCUTS = [
    Pointcut(
        module=f"psycopg.{module}",
        target=f"{cursor}.{method}",
        advice=f"{__name__}:{advice}",
        args=args,
        kind="client",
        scope=query.SCOPE,
        versions=_VERSIONS,
    )
    for module, cursor in (
        ("cursor", "Cursor"),
        ("cursor_async", "AsyncCursor"),
        (_SYNC, "ServerCursor"),  # its own `execute`; it can't do the others
        (_ASYNC, "AsyncServerCursor"),
    )
    for method, advice, args in (
        ("execute", "EXECUTE", ("self", "query")),
        ("executemany", "EXECUTE_MANY", ("self", "query", "params_seq")),
        ("stream", "WHILE", ("self", "query")),
        ("copy", "WHILE", ("self", "statement")),
    )
    if method == "execute" or "Server" not in cursor
]
