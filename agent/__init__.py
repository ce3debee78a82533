"""weftline.agent: inside the observed program. It makes spans, stamps and sends logs, carries the transaction ID in and
out, and never fails the program.

Importing this module costs nothing and starts nothing; `import weftline.agent.auto` or `weftline-agent run` do.
"""

import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["alias", "event", "start", "stop", "transaction_id"]


def start() -> bool:
    """Starts the agent from the environment's settings. False when it runs already or OTEL_SDK_DISABLED is true."""
    import os

    from weftline.agent import lifecycle

    return lifecycle.start(os.environ)


def stop() -> None:
    """Takes the agent out of the program again and sends what waits. The woven functions get their own code back."""
    lifecycle = sys.modules.get("weftline.agent.lifecycle")
    if lifecycle is not None:
        lifecycle.stop()


def transaction_id() -> str | None:
    """The current transaction's ID, 32 lower-case hex digits; None outside any, or while the agent doesn't run."""
    if "weftline.agent.lifecycle" not in sys.modules:
        return None
    from weftline.agent import context
    from weftline.agent.propagate import transaction_id as header

    ids = context.stamp()
    return None if ids is None else header.text(ids.trace_id)


def alias(name: str) -> None:
    """Gives the current transaction another name it can be looked up by, such as `"order-4711"`.

    It travels as a log record, so it arrives also when the trace is sampled out. Does nothing outside a transaction.
    """
    if "weftline.agent.lifecycle" in sys.modules:
        from weftline.agent import events

        events.alias(name)


def event(name: str, attributes: Mapping[str, Any] | None = None) -> None:
    """Tells that something happened in the current transaction, such as `event("order.paid", {"amount": 12})`.

    It travels as a log record with that `event_name`, so it arrives also when the trace is sampled out. Does nothing
    while the agent doesn't run.
    """
    if "weftline.agent.lifecycle" in sys.modules:
        from weftline.agent import events

        events.event(name, attributes)
