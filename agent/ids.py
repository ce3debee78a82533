"""Trace and span ids, from a generator of our own: `random.seed(…)` in the program must not repeat them."""

import random

_random = random.Random()  # noqa: S311 - ids must be unique, not secret
bits = _random.getrandbits
"""As many random bits as asked for. An id must not be 0."""

RANDOM_FLAG = 0x02
"""W3C trace-context level 2: the trace id's right-most seven bytes are random."""


def trace_id() -> int:
    """A new trace id: 128 bits, not zero."""
    return bits(128) or 1


def span_id() -> int:
    """A new span id: 64 bits, not zero."""
    return bits(64) or 1


def reseed() -> None:
    """For a forked child, which would go on with its parent's ids."""
    _random.seed()
