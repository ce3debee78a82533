"""structlog: each event is stamped before the application's processors see it, and sent as they leave it to the last
of them, which renders it: what they drop is not sent, what they censor is censored.

Events that end in the standard library's logging are sent when they come by there, so that its levels and filters
have their say; once, and with their values as attributes rather than as rendered text.
"""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from weftline.agent import context, export, log_attributes
from weftline.agent.plugins import logging as logging_plugin
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.record import Stamp, exception_attributes
from weftline.agent.weave import guard

_LIBRARY: Final = "weftline.agent.structlog"
_LEVELS: Final = {
    "debug": 10, "info": 20, "msg": 20, "warning": 30, "warn": 30,
    "error": 40, "err": 40, "exception": 40, "critical": 50, "fatal": 50,
}  # fmt: skip
_NAMES: Final = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
_ABOUT: Final = frozenset(
    ("event", "level", "level_number", "timestamp", "logger", "exc_info", "exception", "stack", "stack_info",
     "positional_args", "_record", "_from_structlog")
)  # fmt: skip
"""What is said of an event elsewhere in a log record, and structlog's own notes."""


@dataclass(slots=True)
class _Event:
    """An event on its way through the processors and into its logger."""

    outer: "_Event | None"
    logger: Any = None
    """The wrapped logger."""
    ids: Stamp | None = None
    exception: BaseException | None = None
    level: int = 20
    values: dict[str, Any] | None = None
    """As they were before the last processor; None until then."""
    time_ns: int = 0
    sent: bool = False


class _Local(threading.local):
    event: _Event | None = None


_local = _Local()


@dataclass(slots=True)
class _View:
    """A bound logger as its `_process_event` sees it: our processor stands before the last one. The application's
    list stays as it is: structlog's own tests tools change it in place."""

    _logger: Any
    _context: Any
    _bound: Any = field(repr=False)
    _event: _Event = field(repr=False)

    @property
    def _processors(self) -> Iterator[Any]:
        *before, last = self._bound._processors  # noqa: SLF001 - it stands in for the logger
        yield from before
        yield self._note
        yield last

    def _note(self, _logger: Any, _method: str, values: Any) -> Any:
        try:
            if isinstance(values, dict):
                self._event.values = dict(values)
                self._event.time_ns = time.time_ns()
        except Exception as failure:  # noqa: BLE001 - structlog calls it, not woven code
            guard.contained(failure, f"{_LIBRARY} note")
        return values


def begin(bound: Any, method: Any) -> _Event:
    """An event is logged."""
    event = _Event(_local.event, bound._logger, level=_LEVELS.get(method, 20))  # noqa: SLF001 - no other way in
    _local.event = event
    return event


def process(bound: Any, event_kw: Any, method: Any) -> tuple[Any, Any, None]:
    """Stamps the event, and has it noted before it is rendered."""
    event = _local.event
    processors = bound._processors  # noqa: SLF001 - structlog gives no other way in
    last = processors[-1] if processors else None
    if event is None or last is None or type(last).__name__ == "LogCapture":  # a test compares what was logged
        return bound, event_kw, None
    event.exception = _exception(event_kw.get("exc_info"), method)
    event.ids = context.stamp()
    if event.ids is None and event.exception is not None:
        event.ids = context.marked(event.exception)
    if event.ids is not None:
        own = bound._context  # noqa: SLF001 - what the application bound under our names stays
        merged = sys.modules["structlog.contextvars"].get_contextvars()
        stamps = log_attributes.stamps(event.ids).items()
        event_kw = {**{k: v for k, v in stamps if k not in own and k not in merged}, **event_kw}
    return _View(bound._logger, bound._context, bound, event), event_kw, None  # noqa: SLF001 - as above


def end(event: _Event | None, _result: Any) -> None:
    """The logger has returned. What didn't come by the standard library is sent now."""
    if event is None:
        return
    _local.event = event.outer
    if event.sent or event.values is None or _standard(event.logger) is not None:
        return  # one that ends in the standard library and isn't sent by now is below the level there
    if logging_plugin.is_sent(event.level):
        level = _NAMES.get(event.level, "INFO")
        attributes = {**log_attributes.caller(("structlog",)), **log_attributes.bound(event.values, _ABOUT)}
        export.emit_log(
            log_attributes.log_record(
                time_ns=event.time_ns, level=event.level, level_name=level, body=_body(event.values),
                scope=str(event.values.get("logger") or "structlog"),
                attributes=attributes, exception=event.exception, ids=event.ids,
            )
        )  # fmt: skip


def broken(event: _Event | None, _exception: BaseException) -> None:
    """A processor or the logger failed; the application hears of it."""
    if event is not None:
        _local.event = event.outer


def handed_on(logger: logging.Logger, record: logging.LogRecord) -> None:
    """The event has come by the standard library. Runs before the logging plugin, which leaves alone what is
    sent: what is woven into a function later runs earlier."""
    event = _local.event
    if event is None or event.sent or event.values is None or _standard(event.logger) is not logger:
        return
    fields = record.__dict__
    if logging_plugin.SEEN in fields:
        return
    event.sent = True
    fields[logging_plugin.SEEN] = True
    logging_plugin.stamp(fields, event.ids)
    if logging_plugin.is_sent(record.levelno):
        log = logging_plugin.log_record(record, event.ids)
        log.body = _body(event.values)
        if event.exception is not None and "exception.type" not in log.attributes:
            log.attributes |= exception_attributes(event.exception)
        log.attributes |= log_attributes.caller(("structlog", "logging"))
        log.attributes |= log_attributes.bound(event.values, _ABOUT)
        export.emit_log(log)


def _standard(logger: Any) -> logging.Logger | None:
    """The standard library's logger, if it is one that an event ends in."""
    inner = getattr(logger, "logger", logger) if isinstance(logger, logging.LoggerAdapter) else logger
    return inner if isinstance(inner, logging.Logger) else None


def _exception(exc_info: Any, method: str) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple) and len(exc_info) == 3:
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exc_info()[1] if exc_info or (method == "exception" and exc_info is None) else None


def _body(values: dict[str, Any]) -> str:
    text = values.get("event")
    try:
        positional = values.get("positional_args")
        return str(text) % positional if positional else str(text)
    except Exception:  # noqa: BLE001 - the application's own __str__, or wrong arguments
        return text if isinstance(text, str) else "<the event's __str__ failed>"


LOG = Advice(begin, end, broken)
PROCESS = Advice(process)
HANDED_ON = Advice(handed_on)

POINTCUTS = [
    Pointcut(
        module="structlog._base",
        target="BoundLoggerBase._proxy_to_logger",
        advice=f"{__name__}:LOG",
        args=("self", "method_name"),
        kind="observe",
        versions="structlog>=22.2",
    ),
    Pointcut(
        module="structlog._base",
        target="BoundLoggerBase._process_event",
        advice=f"{__name__}:PROCESS",
        args=("self", "event_kw", "method_name"),
        replaces=("self", "event_kw"),
        kind="observe",
        versions="structlog>=22.2",
    ),
    Pointcut(
        module="structlog.stdlib",  # it imports logging; a program without structlog pays nothing
        target="logging.Logger.callHandlers",
        advice=f"{__name__}:HANDED_ON",
        args=("self", "record"),
        kind="observe",
        versions="structlog>=22.2",
    ),
]
