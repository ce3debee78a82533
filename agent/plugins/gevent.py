"""gevent: a greenlet, and work given to its thread pool, runs in the transaction that spawned it."""

import importlib
from collections.abc import Callable
from typing import Any

from opentelemetry.context.context import Context

from weftline.agent import carry
from weftline.agent.export import worker
from weftline.agent.pointcut import Advice, Pointcut


def spawned(captured: Context | None, greenlet: Any) -> None:
    """Gives a greenlet its context before it first runs: `spawn` only schedules it."""
    if captured is not None and getattr(greenlet, "gr_context", greenlet) is None:
        greenlet.gr_context = carry.for_greenlet(captured)


def started(greenlet: Any) -> None:
    """The same for one that a group is about to start."""
    spawned(carry.capture(), greenlet)


def carried(function: Callable[..., Any]) -> tuple[Callable[..., Any], None]:
    """Lets a function that goes to the thread pool, or through a greenlet of the pool's own, run in this context."""
    captured = carry.capture()
    if captured is None:
        return function, None

    def run(*args: Any, **kwargs: Any) -> Any:
        previous = carry.arrive(captured)
        try:
            return function(*args, **kwargs)
        finally:
            carry.depart(previous)

    return run, None


def patch() -> None:
    """Ends the export thread, which is a real one until now."""
    worker.before_threads_change()


def patched(token: None, result: object) -> None:  # noqa: ARG001 - advice gets both
    """Lets it come back as a greenlet. Loads what looking up the collector's address will need: too late for it when
    the interpreter shuts down."""
    worker.after_threads_changed()
    importlib.import_module("gevent.threadpool")


PATCHED = Advice(patch, patched, patched)
SPAWN = Advice(carry.capture, spawned)
START = Advice(started)
CARRY = Advice(carried)


def _cut(module: str, target: str, advice: str, *args: str, replaces: tuple[str, ...] = ()) -> Pointcut:
    return Pointcut(
        module, target, f"{__name__}:{advice}", args=args, replaces=replaces, kind="observe", versions="gevent>=22.10.2"
    )


POINTCUTS = [
    _cut("gevent.monkey", "patch_all", "PATCHED"),
    _cut("gevent", "spawn", "SPAWN"),
    _cut("gevent", "spawn_later", "SPAWN"),
    *(
        _cut("gevent.pool", f"GroupMappingMixin.{name}", "SPAWN")
        for name in ("imap", "imap_unordered", "map_async", "apply_async")
    ),
    _cut("gevent.pool", "Group.start", "START", "greenlet"),
    _cut("gevent.pool", "Pool.start", "START", "greenlet"),
    _cut("gevent.pool", "GroupMappingMixin.map", "CARRY", "func", replaces=("func",)),
    _cut("gevent.threadpool", "ThreadPool.spawn", "CARRY", "func", replaces=("func",)),
]
