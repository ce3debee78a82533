"""Times and durations as people write them, into nanoseconds, and back. `ValueError` says what was expected."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

SECOND: Final = 10**9
UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86_400 * SECOND,
    "w": 604_800 * SECOND,
}
LATEST: Final = 2**63 - 1
"""The last nanosecond that ClickHouse's DateTime64(9) has."""


def duration(text: str) -> int:
    """``500ms``, ``90s``, ``1.5h`` → ns."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)([a-zµ]+)", text)
    if not found or found[2] not in UNITS or (value := int(Decimal(found[1]) * UNITS[found[2]])) > LATEST:
        raise ValueError(
            f"`{text}` is no duration: write `500ms`, `90s`, `1.5h` or `2d`; units are {', '.join(UNITS)}."
        )
    return value


def moment(text: str, now: int) -> int:
    """``15m`` (before ``now``), ``now``, ISO 8601 (UTC by default) or Unix seconds → ns since the epoch."""
    if text == "now":
        return now
    if re.fullmatch(r"[0-9.]+[a-z]+", text):
        return max(0, now - duration(text))
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?|[0-9]{10}(\.[0-9]{1,9})?", text):
        return _within(int(Decimal(text) * SECOND), text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"`{text}` is no time: write `15m` (ago), `2026-11-22T14:05` (UTC, or with `+01:00`) or Unix seconds."
        ) from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return _within(round(when.timestamp() * 10**6) * 10**3, text)


def _within(nanoseconds: int, text: str) -> int:
    if not 0 <= nanoseconds <= LATEST:
        raise ValueError(f"`{text}` lies before 1970 or after 2262.")
    return nanoseconds


def spelt(nanoseconds: int) -> str:
    """In at most seven columns: ``850 µs``, ``1.50 ms``, ``12.3 ms``, ``307 ms``, ``1.25 s``, ``2m05s``, ``3h07m``."""
    milliseconds = nanoseconds / 1e6
    if milliseconds < 0.9995:
        return f"{milliseconds * 1000:.0f} µs"
    for limit, decimals in ((9.995, 2), (99.95, 1), (999.5, 0)):
        if milliseconds < limit:
            return f"{milliseconds:.{decimals}f} ms"
    seconds = nanoseconds / 1e9
    if seconds < 59.995:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"
