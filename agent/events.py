"""What the application itself says of its transaction, sent as OTLP log records with an `event_name`."""

import time

from weftline.agent import context, export, semconv
from weftline.agent.plugins.logging import give_ids, severity
from weftline.agent.record import LogRecord

_INFO = 20


def alias(name: str) -> None:
    """Another name of the current transaction; nothing outside one."""
    ids = context.stamp()
    if ids is None or not name:
        return
    now = time.time_ns()
    log = LogRecord(
        time_ns=now,
        observed_ns=now,
        severity_number=severity(_INFO),
        severity_text="INFO",
        body=f"alias {name}",
        scope="weftline.agent",
        attributes={semconv.ALIAS: str(name)},
        event_name=semconv.EVENT_ALIAS,
    )
    give_ids(log, ids)
    export.emit_log(log)
