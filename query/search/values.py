"""The values of a search: durations, numbers, levels and times out of text. All raise `ValueError` with the reason."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from weftline.collector.store.searcher import Window

UNITS: Final = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
DAYS: Final = {**UNITS, "d": 86_400 * 10**9, "w": 7 * 86_400 * 10**9}
QUANTITY: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)([a-zµ]+)")
NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", re.IGNORECASE)
LEVELS: Final = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "warning": 13, "error": 17, "fatal": 21, "critical": 21}
"""First severity number of each of OpenTelemetry's ranges; each has four."""
LEVEL_WIDTH: Final = 4
LATEST: Final = 2**63 - 1
"""The last nanosecond that ClickHouse's DateTime64(9) and Jaeger's int64 have."""


def duration(text: str) -> int:
    """Nanoseconds."""
    return _quantity(text, UNITS, "a duration such as `500ms`, `1.5s` or `2m`")


def number(text: str) -> int | float:
    if not NUMBER.fullmatch(text):
        raise ValueError(f"`{text}` is no number.")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"`{text}` is too large.")
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else value


def level(text: str) -> tuple[int, int]:
    """First and last severity number of a level's name; of a number, itself twice."""
    if first := LEVELS.get(text.lower()):
        return first, first + LEVEL_WIDTH - 1
    if re.fullmatch(r"[0-9]{1,2}", text) and 0 <= int(text) <= 24:
        return int(text), int(text)
    raise ValueError(f"`{text}` is no level: trace, debug, info, warn, error, fatal, or a number from 0 to 24.")


def time(text: str, now: int) -> int:
    """Nanoseconds since the epoch, out of ``15m`` (before ``now``), ISO 8601 (UTC by default), Unix seconds."""
    if text == "now":
        return now
    if QUANTITY.fullmatch(text):
        return max(0, now - _quantity(text, DAYS, "a time"))
    if re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,9})?", text):
        return _within(int(Decimal(text) * 10**9), text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"`{text}` is no time: write `15m` (ago), `2026-11-22T14:05` (UTC, or with `+01:00`) or Unix seconds."
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _within(round(Decimal(moment.timestamp()) * 10**6) * 10**3, text)


def window(since: int, until: int) -> Window:
    """Raises `ValueError` where the end is before the beginning."""
    if since > until:
        raise ValueError("The time ends before it begins: `since` is later than `until`.")
    return Window(since, until)


def _within(nanoseconds: int, text: str) -> int:
    if not 0 <= nanoseconds <= LATEST:
        raise ValueError(f"`{text}` lies before 1970 or after 2262.")
    return nanoseconds


def _quantity(text: str, units: dict[str, int], what: str) -> int:
    found = QUANTITY.fullmatch(text)
    if not found or found[2] not in units:
        raise ValueError(f"`{text}` is not {what}; units are {', '.join(units)}.")
    value = int(Decimal(found[1]) * units[found[2]])
    if value > LATEST:
        raise ValueError(f"`{text}` is too long.")
    return value
