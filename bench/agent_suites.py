"""CPython's own test suites with every function woven: those of the libraries tested, and the tests themselves.

`python -m bench agent-suites` runs the engine's tests and all of the suites, each in a process of its own, on every
interpreter that is found (`interpreters.py`); the test-suite runs `FAST`. Suites of the interpreter's `test` package; a
distribution that leaves it out has nothing to run.
"""

import functools
import inspect
import json
import signal
import subprocess
import sys
import types
import unittest
from collections.abc import Iterator
from typing import Final

from bench import interpreters

SUITES: Final = {
    "test.test_argparse": ("argparse", "gettext"),
    "test.test_ast": ("ast",),
    "test.test_asyncio.test_locks": ("asyncio",),
    "test.test_asyncio.test_queues": ("asyncio",),
    "test.test_asyncio.test_streams": ("asyncio",),
    "test.test_asyncio.test_taskgroups": ("asyncio",),
    "test.test_asyncio.test_tasks": ("asyncio",),
    "test.test_asyncgen": ("contextlib", "asyncio"),
    "test.test_bisect": ("bisect",),
    "test.test_collections": ("collections",),
    "test.test_configparser": ("configparser",),
    "test.test_contextlib": ("contextlib",),
    "test.test_contextlib_async": ("contextlib",),
    "test.test_copy": ("copy", "copyreg"),
    "test.test_coroutines": ("types",),
    "test.test_csv": ("csv",),
    "test.test_dataclasses": ("dataclasses",),
    "test.test_decimal": ("numbers",),
    "test.test_enum": ("enum",),
    "test.test_exceptions": (),
    "test.test_except_star": (),
    "test.test_functools": ("functools",),
    "test.test_generators": (),
    "test.test_heapq": ("heapq",),
    "test.test_httplib": ("http.client", "email"),
    "test.test_json": ("json",),
    "test.test_logging": ("logging",),
    "test.test_pickle": ("pickle", "copyreg"),
    "test.test_queue": ("queue",),
    "test.test_statistics": ("statistics",),
    "test.test_string": ("string",),
    "test.test_textwrap": ("textwrap",),
    "test.test_traceback": (),
    "test.test_typing": ("typing",),
    "test.test_urllib": ("urllib",),
    "test.test_with": ("contextlib",),
}
"""Each suite and what it tests: packages and modules, woven with all of their modules that it imports."""
FAST: Final = (
    "test.test_asyncgen", "test.test_asyncio.test_locks", "test.test_asyncio.test_taskgroups", "test.test_contextlib",
    "test.test_contextlib_async", "test.test_coroutines", "test.test_dataclasses", "test.test_except_star",
    "test.test_exceptions", "test.test_functools", "test.test_generators", "test.test_json", "test.test_with",
)  # fmt: skip

_calls = {"enter": 0, "leave": 0, "error": 0}


def enter() -> None:
    """Counts calls."""
    _calls["enter"] += 1


def leave(token: None, result: object) -> None:
    """Counts returns."""
    _calls["leave"] += 1


def error(token: None, exception: BaseException) -> None:
    """Counts exceptions."""
    _calls["error"] += 1


@functools.cache
def available(suite: str, python: str = sys.executable) -> bool:
    """Whether an interpreter has the suite."""
    command = [python, "-c", f"import importlib.util as it; print(it.find_spec({suite!r}) is not None)"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.strip() == "True"


def run(suite: str, timeout: float = 600, python: str = sys.executable) -> dict[str, int]:
    """Runs a suite woven, in a process of its own: counts of `tests`, `failed`, `skipped`, `woven`, `enter`, `leave`,
    `error`. Raises :class:`RuntimeError` with its output when the process itself fails."""
    done = subprocess.run(
        [python, "-W", "ignore", "-m", "bench.agent_suites", suite],
        cwd=interpreters.ROOT, env=interpreters.environ(), capture_output=True, text=True, check=False, timeout=timeout,
    )  # fmt: skip
    try:
        counts: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise RuntimeError(f"{suite}: exit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}") from None
    if counts["failed"]:
        print(done.stderr[-6000:], file=sys.stderr)
    return counts


def functions(names: tuple[str, ...]) -> Iterator[types.FunctionType]:
    """Every function and method of the loaded modules with these names, or below them."""
    seen: set[int] = set()
    for name, module in list(sys.modules.items()):
        if module is not None and any(name == wanted or name.startswith(wanted + ".") for wanted in names):
            for value in list(vars(module).values()):
                holders = [value, *vars(value).values()] if inspect.isclass(value) else [value]
                for held in holders:
                    found = held.__func__ if isinstance(held, (staticmethod, classmethod)) else held
                    found = found.fget if isinstance(found, property) else found
                    if isinstance(found, types.FunctionType) and found.__module__ == name and id(found) not in seen:
                        seen.add(id(found))
                        yield found


def _run_here(suite: str) -> dict[str, int]:
    from weftline.agent.pointcut import Advice, Pointcut
    from weftline.agent.weave import swap

    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background job; a suite interrupts itself
        signal.signal(signal.SIGINT, signal.default_int_handler)
    advice = Advice(enter, leave, error)
    tests = unittest.defaultTestLoader.loadTestsFromName(suite)
    woven = 0
    for function in functions((suite, *SUITES[suite])):
        pointcut = Pointcut(function.__module__, function.__qualname__, advice, kind="observe")
        woven += swap.weave(function, pointcut, advice)
    result = unittest.TextTestRunner(sys.stderr, verbosity=0).run(tests)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    return {"tests": result.testsRun, "failed": failed, "skipped": len(result.skipped), "woven": woven, **_calls}


def main() -> None:
    """Runs all suites on all interpreters and prints a row for each; exits with 1 if a test failed."""
    failed = [version for version, python in interpreters.found().items() if not _passes(version, python)]
    if failed:
        sys.exit(f"Failed on {', '.join(failed)}.")


def _passes(version: str, python: str) -> bool:
    done = interpreters.run_engines_tests(python)
    print(f"Python {version}, {python}\nthe engine's tests: {done.stdout.strip().rpartition(chr(10))[2]}", flush=True)
    if done.returncode:
        print(done.stdout[-6000:], done.stderr[-2000:], file=sys.stderr)
    total: dict[str, int] = {}
    print(f"{'suite':34}{'tests':>7}{'failed':>7}{'woven':>7}{'calls':>10}{'unbalanced':>11}")
    for suite in SUITES:
        if not available(suite, python):
            print(f"{suite:34} is not in this interpreter")
            continue
        counts = run(suite, python=python)
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
        _print(suite, counts)
    if total:
        _print("all", total)
    return not (done.returncode or total.get("failed"))


def _print(suite: str, counts: dict[str, int]) -> None:
    unbalanced = counts["enter"] - counts["leave"] - counts["error"]
    numbers = f"{counts['tests']:7}{counts['failed']:7}{counts['woven']:7}{counts['enter']:10}{unbalanced:11}"
    print(f"{suite:34}{numbers}", flush=True)


if __name__ == "__main__":
    sys.modules["bench.agent_suites"] = sys.modules["__main__"]
    print("\n" + json.dumps(_run_here(sys.argv[1])))
