"""Become another program that the kernel kills when our parent is gone: `with_parent.py PARENT_PID CMD ARG…`.

A supervisor that is killed with SIGKILL can't stop its children; on Linux the kernel does it (prctl(2),
PR_SET_PDEATHSIG, kept over execve). The signal is SIGKILL: nothing is left that could be asked whether it has ended.
It is sent when the *thread* that started us ends, so children are started from the supervisor's main thread.
Other systems have no such call: there a killed supervisor leaves its children running.
Runs by path and before anything else, so it imports only the standard library.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call above
            sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - becoming the program is the point
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")
