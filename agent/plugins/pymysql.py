"""PyMySQL: a client span for each execution of a cursor, and for each query a connection is given directly.

The statement is read before PyMySQL writes the parameters into it. COMMIT, ROLLBACK and pings get no span.
"""

from typing import Any

from weftline.agent import query
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = query.Library("pymysql", "PyMySQLInstrumentor")
_VERSIONS = "pymysql>=1.0.1"


def execute(cursor: Any, text: Any) -> query.Query | None:
    """Begins the span of `Cursor.execute`."""
    return query.begin(_LIBRARY, _describe, cursor.connection, text, None)


def execute_many(cursor: Any, text: Any, args: Any) -> query.Query | None:
    """Begins the span of `Cursor.executemany`, which executes once or often."""
    return query.begin(_LIBRARY, _describe, cursor.connection, text, args)


def run(connection: Any, text: Any) -> query.Query | None:
    """Begins the span of `Connection.query`, unless a cursor's is there."""
    return query.begin(_LIBRARY, _describe, connection, text, None)


def error(token: query.Query | None, exception: BaseException) -> None:
    """Ends the span; the first argument of PyMySQL's errors is the server's number, or its own from 2000 on."""
    code = exception.args[0] if token is not None and exception.args else None
    query.failed(token, exception, code if isinstance(code, int) else None)


def _describe(attributes: dict[str, Any], connection: Any, text: Any, batch: Any) -> str:
    return query.describe(attributes, _server(connection), text, batch)


def _server(connection: Any) -> query.Server:
    if connection is None:  # the cursor is closed; PyMySQL will say so
        return query.Server("mysql")
    system = "mariadb" if "MariaDB" in (getattr(connection, "server_version", None) or "") else "mysql"
    namespace = query.readable(connection.db)
    if connection.unix_socket:
        return query.Server(system, namespace, connection.unix_socket)
    return query.Server(system, namespace, connection.host, connection.port)


EXECUTE = Advice(execute, query.answered, error)
EXECUTE_MANY = Advice(execute_many, query.answered, error)
RUN = Advice(run, query.answered, error)

POINTCUTS = [
    Pointcut(
        module=f"pymysql.{module}",
        target=target,
        advice=f"{__name__}:{advice}",
        args=args,
        kind="client",
        scope=query.SCOPE,
        versions=_VERSIONS,
    )
    for module, target, advice, args in (
        ("cursors", "Cursor.execute", "EXECUTE", ("self", "query")),
        ("cursors", "Cursor.executemany", "EXECUTE_MANY", ("self", "query", "args")),
        ("connections", "Connection.query", "RUN", ("self", "sql")),
    )
]
