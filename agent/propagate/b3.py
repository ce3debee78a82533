"""B3 (openzipkin/b3-propagation), as one header `b3` and as several `x-b3-…`. The one header wins over the several."""

import re
from collections.abc import Callable
from typing import Final

SINGLE: Final = "b3"
TRACE_ID: Final = "x-b3-traceid"
SPAN_ID: Final = "x-b3-spanid"
SAMPLED: Final = "x-b3-sampled"
FLAGS: Final = "x-b3-flags"
MULTI: Final = (TRACE_ID, SPAN_ID, SAMPLED, FLAGS)

_SINGLE: Final = re.compile(r"([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?")
_TRACE: Final = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")
_SPAN: Final = re.compile(r"[0-9a-f]{16}")
_YES: Final = frozenset(("1", "d", "true", "True"))
_NO: Final = frozenset(("0", "false", "False"))


def parse(single: object) -> tuple[int, int, int | None] | None:
    """Trace id, parent's span id and flags of `b3`; flags are None where the sender leaves the decision to us."""
    match = _SINGLE.fullmatch(single) if isinstance(single, str) else None
    return None if match is None else _ids(match[1], match[2], match[3])


def parse_multi(get: Callable[[str], str | None]) -> tuple[int, int, int | None] | None:
    """The same of the several headers. `x-b3-flags: 1` (debug) means sampled."""
    trace, span = get(TRACE_ID), get(SPAN_ID)
    if not isinstance(trace, str) or not isinstance(span, str):
        return None
    if not _TRACE.fullmatch(trace) or not _SPAN.fullmatch(span):
        return None
    return _ids(trace, span, "d" if get(FLAGS) == "1" else get(SAMPLED))


def single(trace_id: int, span_id: int, sampled: bool) -> str:
    """The one header."""
    return f"{trace_id:032x}-{span_id:016x}-{int(sampled)}"


def multi(trace_id: int, span_id: int, sampled: bool) -> dict[str, str]:
    """The several headers."""
    return {TRACE_ID: f"{trace_id:032x}", SPAN_ID: f"{span_id:016x}", SAMPLED: str(int(sampled))}


def _ids(trace: str, span: str, decision: str | None) -> tuple[int, int, int | None] | None:
    trace_id, span_id = int(trace, 16), int(span, 16)
    if not trace_id or not span_id:
        return None
    return trace_id, span_id, 1 if decision in _YES else 0 if decision in _NO else None
