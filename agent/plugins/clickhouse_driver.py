"""clickhouse-driver (ClickHouse's native protocol): a client span for each query of its client.

`execute_iter` sends its query when the first row is asked for: its span stands for making the iterator only, so
there is none.
"""

from typing import Any

from weftline.agent import query
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = query.Library("clickhouse_driver")


def execute(client: Any, text: Any, params: Any) -> query.Query | None:
    """Begins the span; an INSERT's rows are counted."""
    return query.begin(_LIBRARY, _describe, client, text, params)


def send(client: Any, text: Any) -> query.Query | None:
    """Begins the span of what has no rows to count."""
    return query.begin(_LIBRARY, _describe, client, text, None)


def error(token: query.Query | None, exception: BaseException) -> None:
    """Ends the span; the server's errors have its number, the driver's own have the driver's."""
    code = getattr(exception, "code", None)
    query.failed(token, exception, code if type(exception).__name__ == "ServerException" else None)


def _describe(attributes: dict[str, Any], client: Any, text: Any, batch: Any) -> str:
    return query.describe(attributes, _server(client.connection), text, batch)


def _server(connection: Any) -> query.Server:
    host, port = getattr(connection, "host", None), getattr(connection, "port", None)
    if not host and connection.hosts:  # not connected yet: it begins with the first
        host, port = connection.hosts[0]
    return query.Server("clickhouse", connection.database or "default", host or "", port or 0)


EXECUTE = Advice(execute, query.answered, error)
SEND = Advice(send, query.answered, error)

POINTCUTS = [
    Pointcut(
        module="clickhouse_driver.client",
        target=f"Client.{method}",
        advice=f"{__name__}:{advice}",
        args=args,
        kind="client",
        scope=query.SCOPE,
        versions="clickhouse-driver>=0.2.6",
    )
    for method, advice, args in (
        ("execute", "EXECUTE", ("self", "query", "params")),
        ("execute_with_progress", "SEND", ("self", "query")),
        ("insert_dataframe", "SEND", ("self", "query")),
    )
]
