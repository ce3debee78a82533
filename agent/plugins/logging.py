"""logging: each record that passes its logger is stamped with the current ids and sent as an OTLP log record.

The stamps are attributes of the record, named as OpenTelemetry's logging instrumentation names them, so the
application's own formats can print them; `transaction_id` is ours. Records are sent whether or not a trace is sampled.
"""

import logging
import re
import threading
import time
from typing import Any, Final

from weftline.agent import context, export, semconv
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.propagate import transaction_id
from weftline.agent.record import LogRecord, Stamp, exception_attributes, limits
from weftline.agent.sample import SAMPLED

SEEN: Final = "_weftline"
"""The mark of a record that was stamped and sent, or is somebody else's to send."""
_STAMPS: Final = ("otelTraceID", "otelSpanID", "otelTraceSampled", "otelServiceName", "transaction_id")
_STANDARD: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "taskName",
    SEEN,
    *_STAMPS,
}
_BARE: Final = len(logging.LogRecord("", 0, "", 0, "", (), None).__dict__)
_PLAIN: Final = len({*logging.LogRecord("", 0, "", 0, "", (), None).__dict__, SEEN, *_STAMPS})
"""The fields of a record that is stamped and has none of the application's own."""
_SECRET: Final = re.compile(
    r"^(proxy-)?authorization$|^(set-)?cookie$|passw(or)?d|passphrase|secret|(^|[_-])(token|api[_-]?key|private[_-]?key)$",
    re.IGNORECASE,
)
_OWN: Final = "weftline.agent"

_level = logging.INFO
_service = ""
_outside: Final[dict[str, Any]] = {
    "otelTraceID": "0", "otelSpanID": "0", "otelTraceSampled": False, "otelServiceName": "", "transaction_id": "",
    SEEN: True,
}  # fmt: skip
"""The stamps of a record outside any transaction."""


def configure(level: int, service: str) -> None:
    """The level from which records are sent, and the name `otelServiceName` gives."""
    global _level, _service
    _level, _service = level, service
    _outside["otelServiceName"] = service


def is_sent(level: int) -> bool:
    """Whether records of a level are sent; the one threshold of all logging libraries."""
    return level >= _level and export.takes_logs()


def is_secret(key: str) -> bool:
    """Whether a value of this name is a credential, never to be sent."""
    return _SECRET.search(key) is not None


def enter(logger: logging.Logger, record: logging.LogRecord) -> None:
    """Stamps the record before any handler sees it, and sends it. A record that comes by again is left alone."""
    fields = record.__dict__
    if SEEN in fields:
        return
    ids = context.stamp()
    if ids is None and record.exc_info and record.exc_info[1] is not None:
        ids = context.marked(record.exc_info[1])
    if len(fields) == _BARE:  # as logging made it: nothing of the application's own could be in the way
        fields |= ids.fields or _stamps(ids) if ids is not None else _outside
    else:
        stamp(fields, ids)
    if is_sent(record.levelno) and not _is_own(logger.name):
        export.emit_log(log_record(record, ids))


def log_record(record: logging.LogRecord, ids: Stamp | None) -> LogRecord:
    """The record as OTLP has it. Never raises, however the message and its arguments disagree."""
    log = LogRecord(
        time_ns=int(record.created * 1e9),
        observed_ns=time.time_ns(),
        severity_number=severity(record.levelno),
        severity_text=record.levelname,
        body=_body(record),
        scope=record.name,
        attributes=_attributes(record),
    )
    give_ids(log, ids)
    return log


def give_ids(log: LogRecord, ids: Stamp | None) -> None:
    """Puts the ids on a record; for one that was sampled out also the parent no span will name."""
    if ids is not None:
        log.trace_id, log.span_id, log.flags = ids.trace_id, ids.span_id, ids.flags
        if ids.parent_id:
            log.attributes[semconv.PARENT_SPAN_ID] = f"{ids.parent_id:016x}"


def severity(level: int) -> int:
    """OTLP's severity number of a logging level: DEBUG 5, INFO 9, WARNING 13, ERROR 17, CRITICAL 21."""
    if level < logging.DEBUG:
        return 1
    return min(level // 10, 5) * 4 + 1 + (min(level % 10, 3) if level < logging.CRITICAL else 0)


def _is_own(name: str) -> bool:
    return name == _OWN or name.startswith(_OWN + ".")


def stamp(fields: dict[str, Any], ids: Stamp | None) -> None:
    """The ids, and the mark, as attributes of a record, for the application's own formats; those it has set itself
    stay."""
    stamps = ids.fields or _stamps(ids) if ids is not None else _outside
    if (
        "otelTraceID" in fields or "otelSpanID" in fields or "otelTraceSampled" in fields
        or "otelServiceName" in fields or "transaction_id" in fields
    ):  # fmt: skip
        stamps = {name: value for name, value in stamps.items() if name not in fields}
    fields |= stamps


def _stamps(ids: Stamp) -> dict[str, Any]:
    """What a record is stamped with; kept, as the next record of the same place gets the same."""
    trace_id = transaction_id.text(ids.trace_id)
    ids.fields = made = {
        "otelTraceID": trace_id,
        "otelSpanID": "%016x" % ids.span_id,  # noqa: UP031 - half of what an f-string costs
        "otelTraceSampled": bool(ids.flags & SAMPLED),
        "otelServiceName": _service,
        "transaction_id": trace_id,
        SEEN: True,
    }
    return made


def _body(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - wrong arguments are logging's to report, the text is worth keeping
        return str(record.msg)


def _attributes(record: logging.LogRecord) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "code.file.path": record.pathname,
        "code.function.name": record.funcName,
        "code.line.number": record.lineno,
    }
    if threading.current_thread() is not threading.main_thread():
        attributes["thread.name"] = record.threadName
    if record.exc_info and record.exc_info[1] is not None:
        attributes |= exception_attributes(record.exc_info[1])
    fields = record.__dict__
    for key, value in fields.items() if len(fields) != _PLAIN else ():
        if (
            key not in _STANDARD
            and isinstance(value, (str, int, float))
            and not is_secret(key)
            and len(attributes) < limits.attributes
        ):
            attributes[key] = value
    return attributes


STAMP_AND_SEND = Advice(enter)

POINTCUTS = [
    Pointcut(
        module="logging",
        target="Logger.callHandlers",
        advice=f"{__name__}:STAMP_AND_SEND",
        args=("self", "record"),
        kind="observe",
    ),
]
