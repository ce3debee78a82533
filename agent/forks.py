"""What a forked child has to do, whoever forks. `os.fork` tells; uWSGI does not unless it runs with
`py-call-osafterfork`.

So where requests come straight from C the process's id is looked at, before anything of the request is made: workers
that all go on with their parent's random numbers would give the same ids to different requests.
"""

import os
import threading
from collections.abc import Callable

_handlers: list[Callable[[], None]] = []
_process = os.getpid()
_lock = threading.Lock()


def in_child(handler: Callable[[], None]) -> None:
    """From now on runs in each forked child, after those that were there before."""
    _handlers.append(handler)


def notice() -> None:
    """Runs the handlers if this process was forked and nobody said so; else it costs one call of the system."""
    if os.getpid() != _process:
        with _lock:
            if os.getpid() != _process:
                _forked()


def _forked() -> None:
    global _process, _lock
    _process, _lock = os.getpid(), threading.Lock()
    for handler in _handlers:
        handler()


os.register_at_fork(after_in_child=_forked)
