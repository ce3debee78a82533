"""Jaeger's `uber-trace-id`: `{trace}:{span}:{parent}:{flags}` in hex of any length, maybe percent-encoded."""

import re
from typing import Final

HEADER: Final = "uber-trace-id"
_HEADER: Final = re.compile(r"([0-9a-fA-F]{1,32}):([0-9a-fA-F]{1,16}):[0-9a-fA-F]{1,16}:([0-9a-fA-F]{1,2})")
_SAMPLED: Final = 1
_DEBUG: Final = 2


def parse(value: object) -> tuple[int, int, int] | None:
    """Trace id, parent's span id and flags (1 for sampled or debug)."""
    if not isinstance(value, str):
        return None
    match = _HEADER.fullmatch(value.replace("%3A", ":").replace("%3a", ":"))
    if match is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in match.groups())
    return (trace_id, span_id, int(bool(flags & (_SAMPLED | _DEBUG)))) if trace_id and span_id else None


def text(trace_id: int, span_id: int, sampled: bool) -> str:
    """The header; its third field, the parent, is deprecated and always 0."""
    return f"{trace_id:032x}:{span_id:016x}:0:{int(sampled)}"
