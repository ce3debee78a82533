"""concurrent.futures: work given to an executor runs in the transaction that gave it; asyncio's `run_in_executor` too.

For threads the work item carries it, and the function stays the very object that was submitted. To a process the
function goes together with the ids.
"""

from typing import Any

from opentelemetry.context.context import Context

from weftline.agent import carry
from weftline.agent.pointcut import Advice, Pointcut


def submitted(item: Any) -> None:
    """Notes on a work item where it was submitted."""
    item.weftline_context = carry.capture()


def run(item: Any) -> Context | None:
    """In the worker, before the function; its callbacks run within too."""
    captured = item.weftline_context
    return None if captured is None else carry.arrive(captured)


def done(previous: Context | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """In the worker, after the function."""
    carry.depart(previous)


SUBMITTED = Advice(submitted)
RUN = Advice(run, done, done)
TO_PROCESS = Advice(carry.carried)

POINTCUTS = [
    Pointcut(
        "concurrent.futures.thread", "_WorkItem.__init__", f"{__name__}:SUBMITTED", args=("self",), kind="observe"
    ),
    Pointcut("concurrent.futures.thread", "_WorkItem.run", f"{__name__}:RUN", args=("self",), kind="observe"),
    Pointcut(
        "concurrent.futures.process",
        "ProcessPoolExecutor.submit",
        f"{__name__}:TO_PROCESS",
        args=("fn",),
        replaces=("fn",),
        kind="observe",
    ),
]
