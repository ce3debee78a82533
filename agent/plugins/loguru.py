"""loguru: each record is stamped in its `extra` before any handler formats it, and sent once, when the first handler
that lets it pass writes it.

Records that are bridged are sent once: what a handler hands on to the standard library is not sent again there, and
what the standard library hands on to loguru (an `InterceptHandler`) was sent there.
"""

import logging
import threading
from typing import Any, Final

from weftline.agent import context, export, log_attributes
from weftline.agent.plugins import logging as logging_plugin
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.record import Stamp

_VERSIONS: Final = "loguru>=0.6"


class _Local(threading.local):
    record: dict[str, Any] | None = None
    """The loguru record that goes through the handlers."""
    ids: Stamp | None = None
    sent = False
    text = ""
    """As the handler that writes it has formatted it."""
    handling: logging.LogRecord | None = None
    """The standard library's record whose handlers are running."""


_local = _Local()


def log() -> dict[str, Any] | None:
    """Something is logged."""
    return _local.record


def logged(outer: dict[str, Any] | None, _result: Any) -> None:
    """It has been: a record isn't kept, nor the frames of its exception."""
    _local.record, _local.ids, _local.text = outer, None, ""


def emit(handler: Any, record: dict[str, Any]) -> dict[str, Any] | None:
    """A record comes to a handler; to the first it comes unstamped."""
    if _local.record is not record:
        _local.record, _local.sent = record, False
        ids = context.stamp()
        caught = record["exception"]
        if ids is None and caught is not None and caught.value is not None:
            ids = context.marked(caught.value)
        _local.ids = ids
        if ids is not None:
            extra = record["extra"]
            for name, value in log_attributes.stamps(ids).items():
                extra.setdefault(name, value)
    # a handler with a queue writes in a thread of its own, where nobody knows what was sent
    return record if handler._enqueue and handler.levelno <= record["level"].no else None  # noqa: SLF001 - not told otherwise


def emitted(queued: dict[str, Any] | None, _result: Any) -> None:
    """A handler is through with a record."""
    if queued is not None:
        _send(queued)


def write(message: Any) -> None:
    """A handler has let a record pass and writes it."""
    record = _local.record
    written: object = getattr(message, "record", None)
    if record is not None and written is record:
        _local.text = str(message)
        _send(record)


def handle(record: logging.LogRecord) -> logging.LogRecord | None:
    """The standard library's handlers are about to run. Runs before the logging plugin, which leaves alone what is
    marked as sent: what is woven into a function later runs earlier."""
    bridged = _local.record
    fields = record.__dict__
    if (
        bridged is not None
        and _local.sent
        and logging_plugin.SEEN not in fields
        and (fields.get("extra") is bridged["extra"] or _says(record.msg, bridged))
    ):
        fields[logging_plugin.SEEN] = True
        logging_plugin.stamp(fields, _local.ids)
    outer, _local.handling = _local.handling, record
    return outer


def handled(outer: logging.LogRecord | None, _result: Any) -> None:
    """The standard library's handlers have run."""
    _local.handling = outer


def _send(record: dict[str, Any]) -> None:
    if _local.sent:
        return
    _local.sent = True
    level = record["level"]
    if not logging_plugin.is_sent(level.no) or _intercepted(record):
        return
    attributes: dict[str, Any] = {
        "code.file.path": record["file"].path,
        "code.function.name": record["function"],
        "code.line.number": record["line"],
        **log_attributes.bound(record["extra"]),
    }
    caught = record["exception"]
    export.emit_log(
        log_attributes.log_record(
            time_ns=int(record["time"].timestamp() * 1e9), level=level.no, level_name=level.name,
            body=record["message"], scope=record["name"] or "loguru", attributes=attributes,
            exception=caught.value if caught is not None else None, ids=_local.ids,
        )
    )  # fmt: skip


def _says(text: object, bridged: dict[str, Any]) -> bool:
    return isinstance(text, str) and text.strip() in (bridged["message"].strip(), _local.text.strip())


def _intercepted(record: dict[str, Any]) -> bool:
    """Whether the record is one that the standard library's logging hands on: it was sent there."""
    handling = _local.handling
    if handling is None:
        return False
    try:
        return bool(handling.getMessage() == record["message"])
    except Exception:  # noqa: BLE001 - wrong arguments: then it can't have been handed on either
        return False


LOG = Advice(log, logged, logged)
EMIT = Advice(emit, emitted)
WRITE = Advice(write)
HANDLE = Advice(handle, handled, handled)

POINTCUTS = [
    Pointcut(
        module="loguru._logger",
        target="Logger._log",
        advice=f"{__name__}:LOG",
        kind="observe",
        versions=_VERSIONS,
    ),
    Pointcut(
        module="loguru._handler",
        target="Handler.emit",
        advice=f"{__name__}:EMIT",
        args=("self", "record"),
        kind="observe",
        versions=_VERSIONS,
    ),
    *(
        Pointcut(
            module=module,
            target=f"{sink}.write",
            advice=f"{__name__}:WRITE",
            args=("message",),
            kind="observe",
            versions=_VERSIONS,
        )
        for module, sink in (
            ("loguru._simple_sinks", "StreamSink"),
            ("loguru._simple_sinks", "StandardSink"),
            ("loguru._simple_sinks", "AsyncSink"),
            ("loguru._simple_sinks", "CallableSink"),
            ("loguru._file_sink", "FileSink"),
        )
    ),
    Pointcut(
        module="loguru._simple_sinks",  # it imports logging; a program without loguru pays nothing
        target="logging.Logger.callHandlers",
        advice=f"{__name__}:HANDLE",
        args=("record",),
        kind="observe",
        versions=_VERSIONS,
    ),
]
