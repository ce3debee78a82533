"""signal: where a program puts SIGTERM's default handling back, the agent's stands in, which sends what waits first."""

import signal
from typing import Any

from weftline.agent import ending
from weftline.agent.pointcut import Advice, Pointcut


def set_handler(number: int, handler: Any) -> tuple[Any, None]:
    """The handler to set."""
    if number == signal.SIGTERM and handler is signal.SIG_DFL:
        return ending.instead_of_default() or handler, None
    return handler, None


SET_HANDLER = Advice(set_handler)

POINTCUTS = [
    Pointcut(
        "signal",
        "signal",
        f"{__name__}:SET_HANDLER",
        args=("signalnum", "handler"),
        replaces=("handler",),
        kind="observe",
    ),
]
