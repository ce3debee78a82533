"""The steps of every database client plugin: a query leaves, its answer or its error comes.

One span for each call of the application, however many libraries are stacked below it (SQLAlchemy on psycopg) and
however many round trips it takes. Statements are masked (sql.py); parameters and rows are never looked at.
A transaction that is sampled out gets no span, and nothing is done for it.
"""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.context.context import Context

from weftline.agent import context, foreign, ids, sql
from weftline.agent.call import DATABASE
from weftline.agent.parent import is_within, parent_of
from weftline.agent.record import CLIENT, ERROR, Identity, Span, exception_type
from weftline.agent.sample import SAMPLED

SCOPE: Final = DATABASE

_EXCERPT: Final = re.compile(
    r"\nLINE \d+: [^\n]*(?:\n\s*\^)?"  # PostgreSQL
    r"|(?<=near )'.*'(?= at line)"  # MySQL, MariaDB
    r"|(?<=: )\{.*\}"  # MongoDB: the document, or the whole answer
    r"|(?<=failed at position ).*?(?=Expected|\Z)|(?:In scope|While processing) .*",  # ClickHouse
    re.DOTALL,
)
"""Where a database quotes the statement in its message: drivers may have written the parameters into it."""


@dataclass(frozen=True, slots=True)
class Library:
    """A library by the name it is imported by, and opentelemetry-contrib's instrumentor for it."""

    name: str
    instrumentor: str = ""


@dataclass(slots=True)
class Query:
    """A query under way: the token between a plugin's `enter` and `leave`."""

    span: Identity
    previous: Context


@dataclass(frozen=True, slots=True)
class Server:
    """Where a connection leads. `system` is the `db.system.name`; empty and 0 where it isn't known."""

    system: str
    namespace: str = ""
    address: str = ""
    port: int = 0


def begin(library: Library, describe: Callable[..., str], *subject: Any) -> Query | None:
    """Lets a query leave. `describe(attributes, *subject)` fills in the attributes and returns the span's name; it is
    called only if there is a span. None when a layer above has done all this, somebody else makes the library's spans,
    or the transaction is sampled out."""
    entered = context.transaction()
    if entered is not None and not entered.flags & SAMPLED:
        return None
    current = context.current_span()
    if is_within(current, SCOPE):
        return None
    if foreign.instruments(library.name, library.instrumentor):
        return None
    parent = parent_of(current)
    if parent.sampled:
        attributes: dict[str, Any] = {}
        name = describe(attributes, *subject)
        span: Identity = Span(
            name, CLIENT, f"weftline.agent.{library.name}", attributes, parent.trace_id, ids.span_id(),
            parent.span_id, parent.flags, parent.tracestate, SCOPE,
        )  # fmt: skip
    else:
        span = Identity(parent.trace_id, ids.span_id(), parent.flags, parent.tracestate, SCOPE)
    return Query(span, context.enter(span))


def mute() -> Query:
    """Begins something that gets no spans: what a library does of its own, such as preparing or pinging a connection.
    The current ids stay."""
    current = context.current_span()
    if current is None:
        span = Identity(0, 0, 0, "", SCOPE)
    else:
        spoken = current.get_span_context()
        state = spoken.trace_state.to_header()
        span = Identity(spoken.trace_id, spoken.span_id, int(spoken.trace_flags), state, SCOPE)
    return Query(span, context.enter(span))


def answered(query: Query | None, result: Any = None) -> None:  # noqa: ARG001 - advice gets the result
    """Lets the answer in."""
    if query is None:
        return
    context.leave_if_current(query.span, query.previous)
    query.span.end()


def failed(query: Query | None, exception: BaseException, code: object = None) -> None:
    """Ends a query that failed; `code` is the database's own, if it answered. To close a generator is none."""
    if query is None or isinstance(exception, GeneratorExit):
        answered(query)
        return
    context.leave_if_current(query.span, query.previous)
    span = query.span
    if type(span) is Span:
        span.record_exception(exception, _event(exception))
        if code:
            span.set_attribute("db.response.status_code", str(code))
        span.set_attribute("error.type", str(code) if code else exception_type(exception))
        span.status = ERROR
        span.end()


def pause(query: Query | None) -> None:
    """A generator yields: its consumer's context is put back."""
    if query is not None:
        context.leave_if_current(query.span, query.previous)


def resume(query: Query | None) -> None:
    """The consumer comes back, maybe from elsewhere."""
    if query is not None:
        query.previous = context.enter(query.span)


def _event(exception: BaseException) -> dict[str, str]:
    """The exception without what it quotes of the statement; in `str(exception)` and so in its stack trace."""
    try:
        message = _EXCERPT.sub(" ?", str(exception))
    except Exception:  # noqa: BLE001 - the library's own __str__
        message = ""
    stack = "".join(traceback.format_tb(exception.__traceback__))
    return {
        "exception.message": message,
        "exception.stacktrace": f"Traceback (most recent call last):\n{stack}{exception_type(exception)}: {message}\n",
    }


def unmuted(query: Query, outcome: Any) -> None:  # noqa: ARG001 - the result, or the exception
    """Ends what :func:`mute` began."""
    context.leave_if_current(query.span, query.previous)


def describe(attributes: dict[str, Any], server: Server, text: object, batch: object = None) -> str:
    """Records an SQL statement and where it goes; the span's name. `batch` is what the statement is executed with,
    if it is executed many times; what has no length is not counted."""
    statement = sql.read(readable(text), server.system)
    attributes["db.system.name"] = server.system
    where(attributes, server)
    size = len(batch) if isinstance(batch, (list, tuple)) else 0
    prefix = "BATCH " if size > 1 else ""
    if size > 1:
        attributes["db.operation.batch.size"] = size
    if statement.operation:
        attributes["db.operation.name"] = prefix + statement.operation
    if statement.collection:
        attributes["db.collection.name"] = statement.collection
    if statement.summary:
        attributes["db.query.summary"] = (prefix + statement.summary)[: sql.MAX_SUMMARY]
    if statement.text:
        attributes["db.query.text"] = statement.text
    return attributes.get("db.query.summary") or server.system


def describe_call(
    attributes: dict[str, Any], server: Server, operation: str, collection: str = "", batch: int = 0
) -> str:
    """Records a call that has no text of its own, such as an insert of rows into a table; the span's name."""
    attributes["db.system.name"] = server.system
    where(attributes, server)
    if batch > 1:
        operation = f"BATCH {operation}"
        attributes["db.operation.batch.size"] = batch
    attributes["db.operation.name"] = operation
    if not collection:
        return operation
    attributes["db.collection.name"] = collection
    attributes["db.query.summary"] = summary = f"{operation} {collection}"[: sql.MAX_SUMMARY]
    return summary


def where(attributes: dict[str, Any], server: Server) -> None:
    """Records the database and its server, as far as they are known."""
    if server.namespace:
        attributes["db.namespace"] = server.namespace
    if server.address:
        attributes["server.address"] = server.address
        if server.port:
            attributes["server.port"] = server.port


def readable(text: object) -> str:
    """A statement as text: drivers take bytes too."""
    if isinstance(text, str):
        return text
    if isinstance(text, (bytes, bytearray)):
        return bytes(text[: sql.MAX_TEXT]).decode("utf-8", "replace")
    return ""
