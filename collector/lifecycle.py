"""How the collector's processes begin and end: log format, signals, waiting for a neighbour that starts later."""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from weftline.collector.errors import TryLater

logger = logging.getLogger(__name__)

T = TypeVar("T")


def configure_logging() -> None:
    """One line an event on standard error."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in ("kafka", "uvicorn.access"):  # per event or per reconnect above DEBUG
        logging.getLogger(name).setLevel(logging.ERROR)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def wait_for(what: str, attempt: Callable[[], T], stop: threading.Event, *, first_wait: float = 0.2) -> T:
    """The result of ``attempt`` once it no longer raises `TryLater`; SystemExit if ``stop`` is set before that."""
    seconds = first_wait
    while True:
        try:
            return attempt()
        except TryLater as error:
            logger.warning("Waiting for %s seconds=%.1f: %s", what, seconds, error)
        began = time.monotonic()
        if stop.wait(seconds) or stop.is_set():
            raise SystemExit(0)
        seconds = min(max(seconds, time.monotonic() - began) * 2, 5.0)
