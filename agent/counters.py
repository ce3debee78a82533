"""What the agent did and what it had to give up, counted by reason.

Names: `woven`, `refused` (a function left alone), `contained` (advice that raised), `exported_spans`,
`exported_logs`, `dropped_spans`, `dropped_logs`, `dropped_batches` (an error in the export thread), `instrumented` (by
OpenTelemetry's instrumentors), `skipped` (somebody else traces it). `weftline-agent status` shows them all.
"""

import collections
import threading
from typing import Final

_OF_THE_CODE: Final = frozenset(("woven", "refused", "instrumented", "skipped"))
"""What a forked child shares with its parent."""

_lock = threading.Lock()
_counts: collections.Counter[tuple[str, str]] = collections.Counter()


def count(name: str, reason: str, amount: int = 1) -> None:
    """Adds to one counter. Rare events only: it takes a lock."""
    with _lock:
        _counts[name, reason] += amount


def snapshot() -> dict[tuple[str, str], int]:
    """All counters by name and reason."""
    with _lock:
        return dict(_counts)


def total(name: str) -> int:
    """One name's sum over its reasons."""
    return sum(amount for (counted, _), amount in snapshot().items() if counted == name)


def reset() -> None:
    """Starts from zero."""
    _counts.clear()


def in_forked_child() -> None:
    """What was sent or lost was the parent's. A new lock: the old one may be held for ever."""
    global _lock  # noqa: PLW0603 - see above
    _lock = threading.Lock()
    for name, reason in list(_counts):
        if name not in _OF_THE_CODE:
            del _counts[name, reason]
