"""Numbers, truth values, durations and times as Go's standard library reads them, refused in Go's words.

Jaeger's clients were written against these texts. All functions raise `ValueError` with Go's text.
"""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
FALSE: Final = ("0", "f", "F", "FALSE", "false", "False")
"""What Go's strconv.ParseBool takes."""
UNITS: Final = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([^\d.]*)")
RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?(Z|[+\- ]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)


def parse_int(text: str, bits: int = 64) -> int:
    """strconv.ParseInt(text, 10, bits)."""
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise ValueError(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
    value = int(text)
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise ValueError(f"strconv.ParseInt: parsing {quoted(text)}: value out of range")
    return value


def parse_float(text: str) -> float:
    """strconv.ParseFloat(text, 64), of plain decimals."""
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        raise ValueError(f"strconv.ParseFloat: parsing {quoted(text)}: invalid syntax")
    return float(text)


def parse_bool(text: str) -> bool:
    """strconv.ParseBool."""
    if text not in TRUE + FALSE:
        raise ValueError(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")
    return text in TRUE


def parse_duration(text: str) -> int:
    """time.ParseDuration, in ns. Blanks are let through: Jaeger's UI does so, too, and Jaeger then refuses them."""
    rest = text.replace(" ", "")
    sign = -1 if rest.startswith("-") else 1
    rest = rest.removeprefix("-") if sign < 0 else rest.removeprefix("+")
    if rest == "0":
        return 0
    total = Decimal(0)
    at = 0
    while at < len(rest) or not rest:
        part = PART.match(rest, at)
        if not part:
            raise ValueError(f"time: invalid duration {quoted(text)}")
        if not part[2]:
            raise ValueError(f"time: missing unit in duration {quoted(text)}")
        if part[2] not in UNITS:
            raise ValueError(f"time: unknown unit {quoted(part[2])} in duration {quoted(text)}")
        total += Decimal(part[1]) * UNITS[part[2]]
        at = part.end()
    if total >= 2**63:
        raise ValueError(f"time: invalid duration {quoted(text)}")
    return sign * int(total)


def parse_time(text: str) -> int:
    """time.Parse(time.RFC3339Nano, text), in ns since the epoch. A blank stands for the ``+`` that a URL lost."""
    found = RFC3339.fullmatch(text)
    moment = _moment(found[1], found[3]) if found else None
    if not found or not moment:
        layout = '"2006-01-02T15:04:05.999999999Z07:00"'
        raise ValueError(f'parsing time {quoted(text)} as {layout}: cannot parse {quoted(text)} as "2006"')
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds * 10**9 + int((found[2] or "0").ljust(9, "0"))


def _moment(text: str, zone: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text + ("+00:00" if zone in "zZ" else zone.replace(" ", "+")))
    except ValueError:
        return None


def parse_string_map(text: str) -> dict[str, str]:
    """json.Unmarshal into a map[string]string."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            raise ValueError("unexpected end of JSON input") from None
        raise ValueError(f"invalid character '{text[error.pos]}' looking for beginning of value") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"json: cannot unmarshal {_kind(value)} into Go value of type map[string]string")  # noqa: TRY004 - text from outside
    for one in value.values():
        if not isinstance(one, str | None):
            raise ValueError(f"json: cannot unmarshal {_kind(one)} into Go value of type string")  # noqa: TRY004 - as above
    return {key: one or "" for key, one in value.items()}


def spell_duration(nanoseconds: int) -> str:
    """time.Duration.String(): ``1.5ms``, ``-2s``, ``1m0s``, ``1h0m0s``."""
    sign, left = ("-" if nanoseconds < 0 else ""), abs(nanoseconds)
    if left < 10**9:
        unit, size = next((it for it in (("ns", 1), ("µs", 10**3), ("ms", 10**6)) if left < it[1] * 1000), ("s", 10**9))
        return f"{sign}{_decimal(left, size)}{unit}" if left else "0s"
    hours, left = divmod(left, 3600 * 10**9)
    minutes, left = divmod(left, 60 * 10**9)
    long = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{long}{_decimal(left, 10**9)}s"


def _decimal(number: int, size: int) -> str:
    whole, rest = divmod(number, size)
    digits = str(rest).rjust(len(str(size)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def quoted(text: str) -> str:
    """%q."""
    return json.dumps(text, ensure_ascii=False)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
