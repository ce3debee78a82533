"""`x-transaction-id`: the transaction ID for people and for services without tracing; 32 lower-case hex digits."""

import re
from typing import Final

CONTEXT_KEY: Final = "weftline-trace"
"""In an OpenTelemetry context that has no span: the trace id that a header of this kind named."""
_ID: Final = re.compile(r"[0-9a-f]{32}")


def parse(value: str | None) -> int:
    """The id as a number; 0 for a header that is absent or not a transaction ID."""
    return int(value, 16) if value is not None and _ID.fullmatch(value) else 0


def text(trace_id: int) -> str:
    """A trace id as it is written everywhere."""
    return "%032x" % trace_id  # noqa: UP031 - half of what an f-string costs
