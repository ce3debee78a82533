"""clickhouse-connect (ClickHouse over HTTP), synchronous and asynchronous: a client span for each query, command and
insert. The HTTP requests below get the headers, so that proxies between know the transaction, but no span.

What the client asks for when it is made, and its pings, get no span.
"""

import re
import urllib.parse
from typing import Any

from weftline.agent import installed, query
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import versions

_LIBRARY = query.Library("clickhouse_connect")
_NAME = "clickhouse-connect"
_VERSIONS = f"{_NAME}>=0.8"
_CODE = re.compile(r"\bCode: (\d+)")


def run(client: Any, context: Any) -> query.Query | None:
    """Begins the span of a query."""
    return query.begin(_LIBRARY, _describe_query, client, context)


def command(client: Any, text: Any) -> query.Query | None:
    """Begins the span of a statement given as text."""
    return query.begin(_LIBRARY, _describe, client, text)


def insert(client: Any, table: Any, data: Any, context: Any) -> query.Query | None:
    """Begins the span of an insert of rows, for which the client may ask the server for the table's columns first."""
    rows = len(data) if isinstance(data, (list, tuple)) else 0
    return query.begin(_LIBRARY, _describe_insert, client, getattr(context, "table", None) or table, rows)


def insert_block(client: Any, context: Any) -> query.Query | None:
    """Begins the span of an insert that the application has prepared."""
    return query.begin(_LIBRARY, _describe_insert, client, context.table, context.row_count)


def insert_raw(client: Any, table: Any) -> query.Query | None:
    """Begins the span of an insert of data that is formatted already."""
    return query.begin(_LIBRARY, _describe_insert, client, table, 0)


def error(token: query.Query | None, exception: BaseException) -> None:
    """Ends the span. Before 1.3 ClickHouse's code is in the text only."""
    code = getattr(exception, "code", None)
    if code is None:
        found = _CODE.search(str(exception))
        code = found and found[1]
    query.failed(token, exception, code)


def mute() -> query.Query:
    """Begins what gets no spans."""
    return query.mute()


def _describe_query(attributes: dict[str, Any], client: Any, context: Any) -> str:
    return _describe(attributes, client, context.query)


def _describe(attributes: dict[str, Any], client: Any, text: Any) -> str:
    return query.describe(attributes, _server(client), text)


def _describe_insert(attributes: dict[str, Any], client: Any, table: Any, rows: int) -> str:
    return query.describe_call(attributes, _server(client), "INSERT", str(table or "").replace("`", ""), rows)


def _clients() -> tuple[tuple[str, str], ...]:
    """The classes that send. The asynchronous one of versions before 1.0 has the other work in a thread."""
    version = installed.version(_NAME) or "1.7"
    sync = (
        ("_backendclient", "SyncBackendClient") if versions.allows(">=1.7", version) else ("httpclient", "HttpClient")
    )
    return (sync, ("asyncclient", "AsyncClient")) if versions.allows(">=1", version) else (sync,)


def _server(client: Any) -> query.Server:
    parts = urllib.parse.urlsplit(getattr(client, "url", None) or "")
    return query.Server("clickhouse", getattr(client, "database", None) or "", parts.hostname or "", parts.port or 0)


RUN = Advice(run, query.answered, error)
COMMAND = Advice(command, query.answered, error)
INSERT = Advice(insert, query.answered, error)
INSERT_BLOCK = Advice(insert_block, query.answered, error)
INSERT_RAW = Advice(insert_raw, query.answered, error)
MUTE = Advice(mute, query.unmuted, query.unmuted)
_CLIENTS = _clients()

POINTCUTS = [
    Pointcut(
        module=f"clickhouse_connect.driver.{module}",
        target=target,
        advice=f"{__name__}:{advice}",
        args=args,
        kind="internal" if advice == "MUTE" else "client",
        scope=query.SCOPE,
        versions=_VERSIONS,
    )
    for module, target, advice, args in (
        *(
            (module, f"{client}.{method}", advice, args)
            for module, client in _CLIENTS
            for method, advice, args in (
                ("_query_with_context", "RUN", ("self", "context")),
                ("data_insert", "INSERT_BLOCK", ("self", "context")),
                ("raw_insert", "INSERT_RAW", ("self", "table")),
                ("command", "COMMAND", ("self", "cmd")),
                ("raw_query", "COMMAND", ("self", "query")),
                ("raw_stream", "COMMAND", ("self", "query")),
                ("ping", "MUTE", ()),
            )
        ),
        ("client", "Client.insert", "INSERT", ("self", "table", "data", "context")),
        ("client", "Client.__init__", "MUTE", ()),
        *(
            (module, f"{client}.{method}", advice, args)
            for module, client in _CLIENTS[1:]
            for method, advice, args in (
                ("insert", "INSERT", ("self", "table", "data", "context")),
                ("_initialize", "MUTE", ()),
            )
        ),
    )
]
