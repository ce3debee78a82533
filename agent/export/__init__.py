"""Spans and log records on their way out: queue → encode → send, in one thread of their own (worker).

What is emitted while no exporter is installed is let go: the agent isn't running.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # record.py hands its spans to this package
    from weftline.agent.record import LogRecord, Span


class Exporter(Protocol):
    """Takes what is recorded. Never blocks, never raises; takes ownership; drops, and counts, what it can't keep."""

    def emit_span(self, span: "Span") -> None:
        """Takes an ended span."""

    def emit_log(self, log: "LogRecord") -> None:
        """Takes a log record."""

    def is_own_thread(self) -> bool:
        """Whether the caller is the exporter itself: what it logs must not be exported."""


_exporter: Exporter | None = None


def install(exporter: Exporter | None) -> None:
    """Sets the process's exporter, or none."""
    global _exporter  # noqa: PLW0603 - a process has one agent
    _exporter = exporter


def emit_span(span: "Span") -> None:
    """Hands an ended span to the exporter."""
    if _exporter is not None:
        _exporter.emit_span(span)


def emit_log(log: "LogRecord") -> None:
    """Hands a log record to the exporter."""
    if _exporter is not None:
        _exporter.emit_log(log)


def takes_logs() -> bool:
    """Whether a log record written by this thread would be exported."""
    return _exporter is not None and not _exporter.is_own_thread()
