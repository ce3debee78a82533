"""Python imports this at start-up under `weftline-agent run`: it starts the agent, after the user's own sitecustomize.

Other interpreters find this folder on PYTHONPATH too (a tool of another Python version started by the program):
there it does nothing but step aside. So this file is plain Python of any version, and imports nothing of ours early.
"""

# ruff: noqa: PTH100, PTH120, UP031 - plain Python of any version, and pathlib is slow to import
# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False

import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def _chain():
    """Imports the sitecustomize that stands behind this one on sys.path, if there is any."""
    mine = sys.modules.pop("sitecustomize", None)
    path = sys.path[:]
    sys.path[:] = [entry for entry in path if os.path.abspath(entry or ".") != _FOLDER]
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if getattr(error, "name", "sitecustomize") != "sitecustomize":
            raise
        if mine is not None:
            sys.modules["sitecustomize"] = mine
    finally:
        sys.path[:] = path


def _is_ours():
    """Whether this is the interpreter `weftline-agent run` was started with."""
    return os.environ.get("_WEFTLINE_AGENT_RUN") == "%s:%s" % (os.path.realpath(sys.prefix), sys.version_info[:2])


try:
    _chain()
finally:
    if _is_ours():
        try:
            __import__("weftline.agent.auto")
        except Exception as error:  # noqa: BLE001 - the program must run, with or without us
            sys.stderr.write("weftline-agent: not started, the program runs without it: %r\n" % (error,))
