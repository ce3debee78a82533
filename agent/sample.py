"""Head sampling, decided before anything of a span is built. What is sampled out keeps its ids and its logs.

One decision per transaction and process: it is made where the transaction enters, and its client spans follow it.
"""

from collections.abc import Callable
from typing import Final

from weftline.agent.settings import Sampler

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

    if name.startswith("parentbased_"):
        return lambda trace_id, flags: of_root(trace_id) if flags is None else bool(flags & SAMPLED)
    return lambda trace_id, _flags: of_root(trace_id)
