"""multiprocessing: a process, and what is given to a pool, runs in the transaction it was given from.

Forked or spawned alike: the ids travel in the process object. A child sends what waits when it ends, since it ends
without running exit handlers.
"""

import sys
from typing import Any, Final

from opentelemetry import context as otel
from opentelemetry.context.context import Context

from weftline.agent import carry
from weftline.agent.pointcut import Advice, Pointcut

_CARRIED: Final = "_weftline_ids"
_LIBRARIES: Final = ("multiprocessing.", "concurrent.futures.")
"""Whose processes serve everybody: the pools'."""


def start(process: Any) -> None:
    """Notes on a process where it was started."""
    packed = carry.pack()
    target = getattr(process, "_target", None)
    if packed is not None and not (getattr(target, "__module__", None) or "").startswith(_LIBRARIES):
        process.__dict__[_CARRIED] = packed


def bootstrap(process: Any) -> None:
    """In the child, before its own code. A forked one has its parent's context until now."""
    packed = process.__dict__.pop(_CARRIED, None)
    otel.attach(Context() if packed is None else carry.unpack(packed))


def ended(token: None, result: Any) -> None:  # noqa: ARG001 - advice gets both
    """In the child, at its end."""
    lifecycle = sys.modules.get("weftline.agent.lifecycle")
    if lifecycle is not None:
        lifecycle.flush_at_end()


STARTED = Advice(start)
BOOTSTRAP = Advice(bootstrap, ended, ended)
TO_PROCESS = Advice(carry.carried)

POINTCUTS = [
    Pointcut("multiprocessing.process", "BaseProcess.start", f"{__name__}:STARTED", args=("self",), kind="observe"),
    Pointcut(
        "multiprocessing.process", "BaseProcess._bootstrap", f"{__name__}:BOOTSTRAP", args=("self",), kind="observe"
    ),
    *(
        Pointcut(
            "multiprocessing.pool",
            f"Pool.{name}",
            f"{__name__}:TO_PROCESS",
            args=("func",),
            replaces=("func",),
            kind="observe",
        )
        for name in ("apply_async", "_map_async")
    ),
]
