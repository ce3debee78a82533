"""pymongo, synchronous and asynchronous: a client span for each command sent, those for further pages and retries too.

Documents are never recorded, nor what the server quotes of them in its errors. What the library does of its own gets
no span: handshakes, authentication, watching the servers, ending sessions and cursors.
"""

from collections.abc import Mapping
from typing import Any, Final

from weftline.agent import query
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.record import ERROR, Span

_LIBRARY = query.Library("pymongo", "PymongoInstrumentor")
_VERSIONS = "pymongo>=4.18"
_OWN: Final = frozenset(("endSessions", "killCursors"))
_ON_COLLECTIONS: Final = frozenset(
    (
        "aggregate", "collMod", "collStats", "convertToCapped", "count", "create", "createIndexes",
        "createSearchIndexes", "delete", "distinct", "drop", "dropIndexes", "dropSearchIndex", "find", "findAndModify",
        "insert", "listIndexes", "mapReduce", "update", "updateSearchIndex", "validate",
    )
)  # fmt: skip
"""Commands whose value is a collection's name: others' may be a user's, or anything."""
_BATCHES: Final = {"insert": "documents", "update": "updates", "delete": "deletes", "bulkWrite": "ops"}


def enter(conn: Any, cmd: Mapping[str, Any], dbname: str, client: Any, more_to_come: bool) -> query.Query | None:
    """Begins the span, unless nothing is sent, or by the library for itself: then it names no client."""
    if client is None or more_to_come or next(iter(cmd)) in _OWN:
        return None
    return query.begin(_LIBRARY, _describe, conn, cmd, dbname)


def leave(token: query.Query | None, result: tuple[list[Mapping[str, Any]], Any, Any]) -> None:
    """Ends the span; the server may have executed the command and refused documents of it."""
    if token is None:
        return
    errors = result[0][0].get("writeErrors") if result[0] else None
    if errors and isinstance(token.span, Span):
        code = str(errors[0].get("code", "_OTHER"))
        token.span.set_attribute("db.response.status_code", code)
        token.span.set_attribute("error.type", code)
        token.span.status = ERROR
    query.answered(token)


def error(token: query.Query | None, exception: BaseException) -> None:
    """Ends the span; the code is the server's, if it answered."""
    query.failed(token, exception, getattr(exception, "code", None))


def _describe(attributes: dict[str, Any], conn: Any, cmd: Mapping[str, Any], dbname: str) -> str:
    operation = next(iter(cmd))
    value = cmd.get("collection") if operation == "getMore" else cmd[operation] if operation in _ON_COLLECTIONS else ""
    address, port = getattr(conn, "address", None) or ("", 0)
    server = query.Server("mongodb", dbname, address, port or 0)
    items = cmd.get(_BATCHES.get(operation, ""))
    batch = len(items) if isinstance(items, (list, tuple)) else 0
    name = query.describe_call(attributes, server, operation, value if isinstance(value, str) else "", batch)
    return name if "db.collection.name" in attributes else f"{name} {dbname}"


COMMAND = Advice(enter, leave, error)

POINTCUTS = [
    Pointcut(
        module=f"pymongo.{kind}.command_runner",
        target="_run_command",
        advice=f"{__name__}:COMMAND",
        args=("conn", "cmd", "dbname", "client", "more_to_come"),
        kind="client",
        scope=query.SCOPE,
        versions=_VERSIONS,
    )
    for kind in ("synchronous", "asynchronous")
]
