"""What the agent did and what it had to give up, counted by reason.

Names: `woven`, `refused` (a function left alone), `contained` (advice that raised), `exported_spans`,
`exported_logs`, `dropped_spans`, `dropped_logs`.
"""

import collections
import threading

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
    """Starts from zero, with a new lock: in a forked child the old one may be held for ever."""
    global _lock  # noqa: PLW0603 - see above
    _lock = threading.Lock()
    _counts.clear()
