"""Head sampling, decided before anything of a span is built. What is sampled out keeps its ids and its logs.

One decision per transaction and process: it is made where the transaction enters, and its client spans follow it.
"""

import functools
import re
from collections.abc import Callable, Iterable
from typing import Final, Literal

Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]

SAMPLED: Final = 0x01
"""The flag of `traceparent`."""

Decide = Callable[[int, int | None], bool]
"""(trace id, the parent's flags or None without a parent) → whether spans are recorded."""

_RATIO_BITS = (1 << 64) - 1


def sampler(name: Sampler, ratio: float) -> Decide:
    """The sampler OpenTelemetry knows by this name. Ratios decide on the trace id exactly as its SDKs do."""
    bound = round(ratio * (1 << 64))

    def of_root(trace_id: int) -> bool:
        if name.endswith("traceidratio"):
            return trace_id & _RATIO_BITS < bound
        return name.endswith("always_on")

    if follows(name):
        return lambda trace_id, flags: of_root(trace_id) if flags is None else flags & SAMPLED == SAMPLED
    return lambda trace_id, _flags: of_root(trace_id)


def follows(name: Sampler) -> bool:
    """Whether what the caller decided holds: then nobody need be asked where a decision came along."""
    return name.startswith("parentbased_")


ByRoute = Callable[[str, int, int | None], bool]
"""(path, trace id, the parent's flags or None) → whether a request's spans are recorded."""


def by_route(rules: Iterable[str], excluded: Iterable[str], decide: Decide) -> ByRoute | None:
    """Rules such as `/health=0`, `/api/*=0.1`: the first whose path matches decides, else `decide` does. A path ends
    where it says or goes on below it (`/health/live`); `*` stands for anything. None when there are no rules.

    A share of exactly 0 or 1 is an order and holds whatever the caller decided; one between is for requests whose
    caller has decided nothing. `excluded` are regular expressions, as in OTEL_PYTHON_EXCLUDED_URLS: a share of 0.
    Raises ValueError for a rule that makes no sense.
    """
    table = [(re.compile(pattern), 0.0) for pattern in excluded]
    for rule in rules:
        path, equals, text = rule.rpartition("=")
        share = float(text) if equals else -1.0
        if not path.startswith(("/", "*")) or not 0 <= share <= 1:
            raise ValueError(f"{rule!r}: expected /path=share with a share from 0 to 1")
        glob = re.escape(path.rstrip("/")).replace(r"\*", ".*")
        table.append((re.compile(rf"^{glob}(/.*)?\Z"), share))
    if not table:
        return None

    @functools.lru_cache(maxsize=1024)
    def share_of(path: str) -> float | None:
        return next((share for pattern, share in table if pattern.search(path)), None)

    def decided(path: str, trace_id: int, flags: int | None) -> bool:
        share = share_of(path)
        if share is None or (flags is not None and 0 < share < 1):
            return decide(trace_id, flags)
        return trace_id & _RATIO_BITS < round(share * (1 << 64))

    return decided
