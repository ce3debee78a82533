"""One way to end a command that runs until it is told to stop: Ctrl-C, SIGTERM and SIGHUP alike."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, each of the signals raises KeyboardInterrupt in the main thread; one that is ignored (nohup) stays so."""
    with _handled(
        [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN], signal.default_int_handler
    ):
        yield


@contextmanager
def uninterruptible() -> Iterator[None]:
    """Inside, the signals are ignored: stopping children is bounded in time and must not be cut short."""
    with _handled(SIGNALS, signal.SIG_IGN):
        yield


@contextmanager
def _handled(
    numbers: Iterable[signal.Signals], handler: signal.Handlers | Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
