"""Spans and log records on their way out: queue → encode → send, in one thread of their own (worker).

What is emitted while no exporter is installed is let go: the agent isn't running.
"""

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # record.py hands its spans to this package
    from weftline.agent.record import LogRecord, Span


class Exporter(Protocol):
    """Takes what is recorded. Never blocks, never raises; takes ownership; drops, and counts, what it can't keep."""

    def emit_span(self, span: "Span") -> None:
        """Takes an ended span."""

    def emit_log(self, log: "LogRecord") -> None:
        """Takes a log record."""

    def takes_logs(self) -> bool:
        """Whether this caller's log records are sent: not with logs off, and never the exporter's own."""

    def flush(self, timeout: float) -> bool:
        """Sends what waits now. Whether all of it was dealt with within `timeout` seconds."""


_exporter: Exporter | None = None
_born_ns = 0
"""When this process was forked: what began before is its parent's to send."""


def install(exporter: Exporter | None) -> None:
    """Sets the process's exporter, or none."""
    global _exporter  # noqa: PLW0603 - a process has one agent
    _exporter = exporter


def emit_span(span: "Span") -> None:
    """Hands an ended span to the exporter; not one that a forked child has of its parent."""
    if _exporter is not None and span.start_ns >= _born_ns:
        _exporter.emit_span(span)


def in_forked_child() -> None:
    """From now on spans that began earlier are let go."""
    global _born_ns  # noqa: PLW0603 - a process is born once
    _born_ns = time.time_ns()


def emit_log(log: "LogRecord") -> None:
    """Hands a log record to the exporter."""
    if _exporter is not None:
        _exporter.emit_log(log)


def takes_logs() -> bool:
    """Whether a log record written by this thread would be exported."""
    return _exporter is not None and _exporter.takes_logs()


def flush(timeout: float) -> bool:
    """Sends what waits now. Whether all of it was dealt with within `timeout` seconds; true without an exporter."""
    return _exporter is None or _exporter.flush(timeout)
