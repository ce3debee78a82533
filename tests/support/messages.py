"""What tests of messaging and logging plugins share: a transaction to be in, and a topic nobody else uses."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

from weftline.agent import serve
from weftline.agent.context import Transaction
from weftline.agent.propagate import Incoming

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
_numbers = itertools.count(1)


@contextmanager
def in_request(flags: int = 1, trace: str = TRACE, **more: str) -> Iterator[Transaction]:
    """Inside a server request, as a server plugin would begin it."""
    incoming = Incoming(int(trace, 16), int(SPAN, 16), flags, **more)  # type: ignore[arg-type]
    request = serve.begin(incoming, "test", lambda _, attributes: "GET", None)
    try:
        yield request
    finally:
        serve.finish(request)


def new_topic() -> str:
    return f"orders-{os.getpid()}-{next(_numbers)}"
