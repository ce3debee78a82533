"""clickhouse-driver (ClickHouse's native protocol): a client span for each query of its client.

`execute_iter` has one from sending the query until the last block of rows has come; what the program does meanwhile is
not below it.
"""

from typing import Any

from weftline.agent import query
from weftline.agent.pointcut import Advice, Pointcut

_LIBRARY = query.Library("clickhouse_driver")
_WAITING = "_weftline_query"


def execute(client: Any, text: Any, params: Any) -> query.Query | None:
    """Begins the span; an INSERT's rows are counted."""
    return query.begin(_LIBRARY, _describe, client, text, params)


def send(client: Any, text: Any) -> query.Query | None:
    """Begins the span of what has no rows to count."""
    return query.begin(_LIBRARY, _describe, client, text, None)


def iterate(client: Any, text: Any) -> tuple[Any, query.Query] | None:
    """Begins the span of `execute_iter`."""
    begun = send(client, text)
    return None if begun is None else (client, begun)


def sent(token: tuple[Any, query.Query] | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """The query is sent; its span waits on the client until the first block is asked for."""
    if token is not None:
        client, begun = token
        query.pause(begun)
        query.answered(client.__dict__.pop(_WAITING, None))  # of one that nobody read
        setattr(client, _WAITING, begun)


def unsent(token: tuple[Any, query.Query] | None, exception: BaseException) -> None:
    """The query could not be sent."""
    if token is not None:
        error(token[1], exception)


def receive(client: Any) -> query.Query | None:
    """Blocks are read: those of a query executed have its span around."""
    begun: query.Query | None = client.__dict__.pop(_WAITING, None)
    query.resume(begun)
    return begun


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
ITERATE = Advice(iterate, sent, unsent)
RECEIVE = Advice(receive, query.answered, error, query.pause, query.resume)

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
        ("execute_iter", "ITERATE", ("self", "query")),
        ("packet_generator", "RECEIVE", ("self",)),
    )
]
