"""What the plugins of logging libraries have in common: values bound to a record as attributes, and where in the
program it was written."""

import sys
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final

from weftline.agent.plugins.logging import give_ids, is_secret, severity
from weftline.agent.propagate import transaction_id
from weftline.agent.record import LogRecord, Stamp, exception_attributes, limits
from weftline.agent.sample import SAMPLED

_STAMPS: Final = ("transaction_id", "otelTraceID", "otelSpanID", "otelTraceSampled")


def stamps(ids: Stamp) -> dict[str, Any]:
    """The ids for the application's own formats, named as on the standard library's records."""
    trace_id = transaction_id.text(ids.trace_id)
    return dict(zip(_STAMPS, (trace_id, trace_id, f"{ids.span_id:016x}", bool(ids.flags & SAMPLED)), strict=True))


def bound(values: Mapping[str, Any], without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Bound values as attributes: strings, numbers and booleans, never credentials, our own stamps or `without`."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if (
            isinstance(value, (str, int, float))
            and isinstance(key, str)
            and key not in _STAMPS
            and key not in without
            and not is_secret(key)
            and len(found) < limits.attributes
        ):
            found[key] = value
    return found


def log_record(
    *,
    time_ns: int,
    level: int,
    level_name: str,
    body: str,
    scope: str,
    attributes: dict[str, Any],
    exception: BaseException | None,
    ids: Stamp | None,
) -> LogRecord:
    """A record of a library that doesn't go through the standard library's logging."""
    if threading.current_thread() is not threading.main_thread():
        attributes.setdefault("thread.name", threading.current_thread().name)
    if exception is not None:
        attributes |= exception_attributes(exception)
    log = LogRecord(
        time_ns=time_ns,
        observed_ns=time_ns,
        severity_number=severity(level),
        severity_text=level_name,
        body=body,
        scope=scope,
        attributes=attributes,
    )
    give_ids(log, ids)
    return log


def caller(outside: tuple[str, ...]) -> dict[str, Any]:
    """Where the record was written: the nearest frame whose module is none of `outside`, nor ours."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - as logging's own findCaller does
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if not module.startswith(("weftline.agent", *outside)):
            break
        frame = frame.f_back
    if frame is None or frame.f_globals.get("__name__") == "concurrent.futures.thread":  # written by an executor
        return {}
    return {
        "code.file.path": frame.f_code.co_filename,
        "code.function.name": frame.f_code.co_name,
        "code.line.number": frame.f_lineno,
    }
