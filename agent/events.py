"""What the application itself says of its transaction, sent as OTLP log records with an `event_name`."""

import time
from collections.abc import Mapping
from typing import Any

from weftline.agent import context, export, semconv
from weftline.agent.plugins.logging import give_ids, severity
from weftline.agent.record import LogRecord, frozen, limits

_INFO = 20


def alias(name: str) -> None:
    """Another name of the current transaction; nothing outside one."""
    if name and context.stamp() is not None:
        _emit(semconv.EVENT_ALIAS, f"alias {name}", {semconv.ALIAS: str(name)})


def event(name: str, attributes: Mapping[str, Any] | None = None) -> None:
    """Something that happened, with attributes; outside a transaction it is sent without ids."""
    kept = list((attributes or {}).items())[: limits.attributes]
    _emit(str(name), str(name), {str(key): frozen(value) for key, value in kept})


def _emit(name: str, body: str, attributes: dict[str, Any]) -> None:
    ids = context.stamp()
    now = time.time_ns()
    log = LogRecord(
        time_ns=now,
        observed_ns=now,
        severity_number=severity(_INFO),
        severity_text="INFO",
        body=body,
        scope="weftline.agent",
        attributes=attributes,
        event_name=name,
    )
    give_ids(log, ids)
    export.emit_log(log)
