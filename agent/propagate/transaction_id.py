"""`x-transaction-id`: the transaction ID for people and for services without tracing; 32 lower-case hex digits."""

import re
from typing import Final

_ID: Final = re.compile(r"[0-9a-f]{32}")


def parse(value: str | None) -> int:
    """The id as a number; 0 for a header that is absent or not a transaction ID."""
    return int(value, 16) if value is not None and _ID.fullmatch(value) else 0


def text(trace_id: int) -> str:
    """A trace id as it is written everywhere."""
    return f"{trace_id:032x}"
