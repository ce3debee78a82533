"""asyncpg: a client span for each execution, fetch, copy and opened cursor; further pages of a cursor get none.

BEGIN and COMMIT are round trips of their own here, and have spans. What a pool does to reset a connection has none.
"""

from typing import Any

from weftline.agent import query
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = query.Library("asyncpg", "AsyncPGInstrumentor")
_VERSIONS = "asyncpg>=0.27"


def execute(connection: Any, text: Any) -> query.Query | None:
    """Begins the span of `execute` and the `fetch` methods."""
    return query.begin(_LIBRARY, _describe, connection, text, None)


def execute_many(connection: Any, text: Any, args: Any) -> query.Query | None:
    """Begins the span of `executemany` and `fetchmany`."""
    return query.begin(_LIBRARY, _describe, connection, text, args)


def copy_records(connection: Any, table: Any) -> query.Query | None:
    """Begins the span of `copy_records_to_table`, whose records are an iterable of unknown length."""
    return query.begin(_LIBRARY, _describe_copy, connection, table)


def prepared(statement: Any) -> query.Query | None:
    """Begins the span of a prepared statement's `fetch` methods."""
    return query.begin(_LIBRARY, _describe, statement._connection, statement._query, None)  # noqa: SLF001 - no other way


def prepared_many(statement: Any, args: Any) -> query.Query | None:
    """Begins the span of a prepared statement's `executemany` and `fetchmany`."""
    return query.begin(_LIBRARY, _describe, statement._connection, statement._query, args)  # noqa: SLF001 - no other way


def error(token: query.Query | None, exception: BaseException) -> None:
    """Ends the span."""
    query.failed(token, exception, getattr(exception, "sqlstate", None))


def mute() -> query.Query:
    """Begins what gets no spans."""
    return query.mute()


def _describe(attributes: dict[str, Any], connection: Any, text: Any, batch: Any) -> str:
    return query.describe(attributes, _server(connection), text, batch)


def _describe_copy(attributes: dict[str, Any], connection: Any, table: Any) -> str:
    return query.describe_call(attributes, _server(connection), "COPY", str(table))


def _server(connection: Any) -> query.Server:
    # a pool's connection is a proxy: it hands on what it doesn't have
    address, parameters = getattr(connection, "_addr", None), getattr(connection, "_params", None)
    host, port = address if isinstance(address, tuple) else (str(address or ""), 0)
    return query.Server("postgresql", getattr(parameters, "database", None) or "", host, port)


EXECUTE = Advice(execute, query.answered, error)
EXECUTE_MANY = Advice(execute_many, query.answered, error)
COPY_RECORDS = Advice(copy_records, query.answered, error)
PREPARED = Advice(prepared, query.answered, error)
PREPARED_MANY = Advice(prepared_many, query.answered, error)
MUTE = Advice(mute, query.unmuted, query.unmuted)

POINTCUTS = [
    Pointcut(
        module=f"asyncpg.{module}",
        target=target,
        advice=f"{__name__}:{advice}",
        args=args,
        kind="internal" if advice == "MUTE" else "client",
        scope=query.SCOPE,
        versions=_VERSIONS,
    )
    for module, target, advice, args in (
        ("connection", "Connection.execute", "EXECUTE", ("self", "query")),
        ("connection", "Connection._execute", "EXECUTE", ("self", "query")),
        ("connection", "Connection._executemany", "EXECUTE_MANY", ("self", "query", "args")),
        ("connection", "Connection._copy_out", "EXECUTE", ("self", "copy_stmt")),
        ("connection", "Connection._copy_in", "EXECUTE", ("self", "copy_stmt")),
        ("connection", "Connection.copy_records_to_table", "COPY_RECORDS", ("self", "table_name")),
        ("connection", "Connection.reset", "MUTE", ()),
        ("prepared_stmt", "PreparedStatement._PreparedStatement__bind_execute", "PREPARED", ("self",)),
        ("prepared_stmt", "PreparedStatement.executemany", "PREPARED_MANY", ("self", "args")),
        ("prepared_stmt", "PreparedStatement.fetchmany", "PREPARED_MANY", ("self", "args")),
        ("cursor", "BaseCursor._bind_exec", "PREPARED", ("self",)),
        ("cursor", "BaseCursor._bind", "PREPARED", ("self",)),
    )
]
