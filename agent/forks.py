"""What a forked child has to do, whoever forks. `os.fork` tells; uWSGI does not unless it runs with
`py-call-osafterfork`.

So where requests come straight from C the process's id is looked at, before anything of the request is made: workers
that all go on with their parent's random numbers would give the same ids to different requests.
"""

import mmap
import os
import sys
import threading
from collections.abc import Callable

_handlers: list[Callable[[], None]] = []
_process = os.getpid()
_lock = threading.Lock()
_will: mmap.mmap | None = None
"""A byte: whether somebody took what the parent left."""
_inherits = False


def in_child(handler: Callable[[], None]) -> None:
    """From now on runs in each forked child, after those that were there before."""
    _handlers.append(handler)


def notice() -> None:
    """Runs the handlers if this process was forked and nobody said so; else it costs one call of the system."""
    if os.getpid() != _process:
        with _lock:
            if os.getpid() != _process:
                _forked()


def coming() -> bool:
    """Whether this process will fork without saying so: uWSGI's first one, while it loads the application.

    A thread that is running there may hold the interpreter's lock at the fork, and a child in which nobody holds it
    waits for it for ever. Workers, mules and spoolers fork no more.
    """
    global _will  # noqa: PLW0603 - a process forks as one
    uwsgi = sys.modules.get("uwsgi")
    try:
        found = uwsgi is not None and not (uwsgi.worker_id() or uwsgi.mule_id() or uwsgi.i_am_the_spooler())
    except AttributeError:
        return False  # somebody else's module of that name
    if found and _will is None:
        _will = mmap.mmap(-1, 1)  # shared with all children
    return found


def inherits() -> bool:
    """Asked by handlers: whether this child has to send what its parent left, because that one starts no threads.

    uWSGI's first worker alone, and only when it is started for the first time.
    """
    return _inherits


def _forked() -> None:
    global _process, _lock, _will, _inherits  # noqa: PLW0603 - as above
    _process, _lock = os.getpid(), threading.Lock()
    _inherits = _will is not None and sys.modules["uwsgi"].worker_id() == 1 and _will[0] == 0
    if _will is not None and _inherits:
        _will[0] = 1
    _will = None
    for handler in _handlers:
        handler()


os.register_at_fork(after_in_child=_forked)
