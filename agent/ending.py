"""The ways in which a process ends, and in each a chance to send what waits: exit handlers and SIGTERM.

A handler for SIGTERM stands only where the program has none: also when it puts the default back later, as
prefork servers do in their workers (`plugins/signal.py`).
"""

import atexit
import os
import signal
import sys
import threading

# `signal.signal` is woven, and would keep our handler in place
from _signal import signal as set_handler  # type: ignore[import-not-found]  # typeshed has none
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

_DEFAULT: Final = int(signal.SIG_DFL)
"""The C function knows no enumerations."""
_EARLY: Final = 0.6
"""The share of the exit timeout that gevent gets, while it still works."""


class Ending:
    """Calls `shutdown(timeout)` once, whichever way the process ends; `stop` when the interpreter itself does."""

    def __init__(
        self,
        stop: Callable[[], None],
        shutdown: Callable[[float], None],
        flush: Callable[[float], object],
        timeout: float,
    ) -> None:
        self._stop = stop
        self._shutdown = shutdown
        self._flush = flush
        self._timeout = timeout

    def install(self) -> None:
        """From now on no end goes unnoticed."""
        global _current  # noqa: PLW0603 - a process ends once
        _current = self
        atexit.register(self._stop)
        register = getattr(threading, "_register_atexit", None)  # runs before the interpreter is half gone
        if register is not None:
            register(self._before_threads_end)
        self._replace(_DEFAULT, self.terminate)

    def remove(self) -> None:
        """Gives everything back."""
        global _current  # noqa: PLW0603 - a process ends once
        _current = None
        atexit.unregister(self._stop)
        self._replace(self.terminate, _DEFAULT)

    def terminate(self, number: int, _frame: FrameType | None) -> None:
        """SIGTERM would end the process at once and nothing be sent."""
        set_handler(number, _DEFAULT)  # a second one ends it at once
        self._shutdown(self._timeout)
        os.kill(os.getpid(), number)

    def _before_threads_end(self) -> None:
        """gevent's sockets start threads, which an interpreter that shuts down refuses."""
        if _current is self and "gevent" in sys.modules:
            self._flush(self._timeout * _EARLY)

    @staticmethod
    def _replace(present: object, handler: Any) -> None:
        main = threading.current_thread() is threading.main_thread()  # no other thread may set handlers
        if main and signal.getsignal(signal.SIGTERM) == present:
            set_handler(signal.SIGTERM, handler)


_current: Ending | None = None


def instead_of_default() -> Callable[[int, FrameType | None], None] | None:
    """The handler to set where the program asks for SIGTERM's default; None while the agent doesn't run."""
    return None if _current is None else _current.terminate
