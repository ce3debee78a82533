"""SQLAlchemy, its Core and so its ORM, synchronous and asynchronous: a client span for each execution.

The driver below makes none then. What SQLAlchemy does of its own with a new connection, and its pool's pings, get no
span; nor do the driver's.
"""

import weakref
from typing import Any

from weftline.agent import query
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = query.Library("sqlalchemy", "SQLAlchemyInstrumentor")
_VERSIONS = "sqlalchemy>=2.0.5"
_SYSTEMS = {
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mariadb",
    "sqlite": "sqlite",
    "mssql": "microsoft.sql_server",
    "oracle": "oracle.db",
    "cockroachdb": "cockroachdb",
    "clickhouse": "clickhouse",
    "clickhousedb": "clickhouse",
    "trino": "trino",
}
"""SQLAlchemy's names of dialects, as the semantic conventions call the systems."""
_servers: weakref.WeakKeyDictionary[Any, query.Server] = weakref.WeakKeyDictionary()


def execute(connection: Any, context: Any) -> query.Query | None:
    """Begins the span of a statement whose text has been compiled."""
    return query.begin(_LIBRARY, _describe_context, connection, context)


def execute_text(connection: Any, statement: Any) -> query.Query | None:
    """Begins the span of what SQLAlchemy executes beside the statement, such as a sequence's next value."""
    return query.begin(_LIBRARY, _describe, connection, statement, None)


def error(token: query.Query | None, exception: BaseException) -> None:
    """Ends the span with the driver's own exception: the text of SQLAlchemy's has the parameters in it."""
    if token is not None:
        original = getattr(exception, "orig", None)
        query.failed(token, original if isinstance(original, BaseException) else exception, _code(original))


def mute() -> query.Query:
    """Begins what gets no spans."""
    return query.mute()


def _code(original: Any) -> object:
    first = original.args[0] if getattr(original, "args", None) else None
    if isinstance(first, int):  # MySQL's drivers
        return first
    codes = (getattr(original, name, None) for name in ("sqlstate", "pgcode", "sqlite_errorname"))
    return next(filter(None, codes), None)


def _describe_context(attributes: dict[str, Any], connection: Any, context: Any) -> str:
    parameters = context.parameters if context.executemany else None
    return _describe(attributes, connection, context.statement, parameters)


def _describe(attributes: dict[str, Any], connection: Any, statement: Any, batch: Any) -> str:
    return query.describe(attributes, _server(connection.engine), statement, batch)


def _server(engine: Any) -> query.Server:
    found = _servers.get(engine)
    if found is None:
        name = engine.dialect.name
        if getattr(engine.dialect, "is_mariadb", False):
            name = "mariadb"
        url = engine.url
        found = query.Server(_SYSTEMS.get(name, "other_sql"), url.database or "", url.host or "", url.port or 0)
        _servers[engine] = found
    return found


EXECUTE = Advice(execute, query.answered, error)
EXECUTE_TEXT = Advice(execute_text, query.answered, error)
MUTE = Advice(mute, query.unmuted, query.unmuted)

POINTCUTS = [
    *(
        Pointcut(
            module="sqlalchemy.engine.base",
            target=f"Connection.{method}",
            advice=f"{__name__}:{advice}",
            args=args,
            kind="client",
            scope=query.SCOPE,
            versions=_VERSIONS,
        )
        for method, advice, args in (
            ("_exec_single_context", "EXECUTE", ("self", "context")),
            ("_exec_insertmany_context", "EXECUTE", ("self", "context")),
            ("_cursor_execute", "EXECUTE_TEXT", ("self", "statement")),
        )
    ),
    *(
        Pointcut(
            module=module,
            target=target,
            advice=f"{__name__}:MUTE",
            kind="internal",
            scope=query.SCOPE,
            versions=_VERSIONS,
        )
        for module, target in (
            ("sqlalchemy.pool.base", "_ConnectionRecord._ConnectionRecord__connect"),
            ("sqlalchemy.engine.default", "DefaultDialect._do_ping_w_event"),
        )
    ),
]
