"""Does a looked-up transaction have exactly the rows its kind must have? Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from weftline.agent import semconv

from .kinds import AccessLog, Attempt, Kind, LogLine, Span

SEVERITIES = {9: "INFO", 13: "WARNING", 17: "ERROR"}
"""OpenTelemetry's severity number to Python's level."""


def differences(kind: Kind, order: str, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each row that is missing or too many; empty when ``entries`` are what ``kind`` must leave.

    ``entries`` as GET /api/v1/transactions/{id} has them; ``order`` is the number the driver sent. The order of rows
    is not looked at.
    """
    names = ("access_log", "attempt", "span", "log")
    by_kind = {name: [entry for entry in entries if entry["kind"] == name] for name in names}
    expected_lines = [_fill(line, order) for line in kind.log_lines]
    return [
        *_compare("access log", kind.access_logs, map(_access_log, by_kind["access_log"])),
        *_compare("attempt", kind.attempts, map(_attempt, by_kind["attempt"])),
        *_compare("span", kind.spans, map(_span, by_kind["span"])),
        *_compare("log line", expected_lines, (_log_line(entry, expected_lines) for entry in by_kind["log"])),
    ]


def _compare(what: str, expected: Iterable[object], found: Iterable[object]) -> list[str]:
    wanted, got = Counter(expected), Counter(found)
    missing, extra = wanted - got, got - wanted
    return [f"missing {what}: {row}" for row in missing.elements()] + [
        f"unexpected {what}: {row}" for row in extra.elements()
    ]


def _access_log(entry: Mapping[str, Any]) -> AccessLog:
    return AccessLog(
        entry["service"],
        entry["proxy_role"],
        entry["response_code"],
        entry["response_flags"],
        entry["upstream_attempts"],
    )


def _attempt(entry: Mapping[str, Any]) -> Attempt:
    return Attempt(entry["service"], entry["proxy_role"], entry["upstream_attempts"])


def _span(entry: Mapping[str, Any]) -> Span:
    return Span(entry["service"], entry["span_kind"], entry["resource"].get(semconv.PROXY_ROLE, ""))


def _fill(line: LogLine, order: str) -> LogLine:
    return LogLine(line.service, line.severity, line.body.format(order=order), line.exception)


def _log_line(entry: Mapping[str, Any], expected: Sequence[LogLine]) -> LogLine:
    """What was logged; a body that begins as an expected one counts as that one."""
    body = next((line.body for line in expected if entry["body"].startswith(line.body)), entry["body"])
    severity: Any = SEVERITIES.get(entry["severity_number"], entry["severity_number"])
    return LogLine(entry["service"], severity, body, "exception.type" in entry["attributes"])
