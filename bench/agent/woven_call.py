"""What a woven call costs on top of a plain one, beside wrapt's wrapper, which contrib's instrumentations are made of."""

import time
from collections.abc import Callable
from typing import Any, Final

import wrapt

from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import swap

_CALLS: Final = 100_000
_ROUNDS: Final = 15
_DRIVER: Final = """
def drive(function, times=range(%d)):
    for _ in times:
        function(1)
"""


def woven_call() -> tuple[float, float]:
    """ns added by empty hooks: woven, wrapped; the fastest of interleaved rounds.

    A driver function for each contender: one that is shared would be specialised for the first.
    """
    plain, woven, wrapped = _target(), _target(), _target()
    advice = Advice(_enter, _leave, _leave)
    swap.weave(woven, Pointcut("bench", "function", advice, kind="observe"), advice)  # type: ignore[arg-type]

    def around(function: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
        _enter()
        result = function(*args, **kwargs)
        _leave(None, result)
        return result

    contenders = [(_driver(), one) for one in (plain, woven, wrapt.FunctionWrapper(wrapped, around))]
    best = [float("inf")] * len(contenders)
    for _ in range(_ROUNDS):
        for index, (drive, function) in enumerate(contenders):
            began = time.thread_time_ns()
            drive(function)
            best[index] = min(best[index], (time.thread_time_ns() - began) / _CALLS)
    return best[1] - best[0], best[2] - best[0]


def _enter() -> None: ...


def _leave(_token: None, _result: Any) -> None: ...


def _target() -> Callable[[int], int]:
    names: dict[str, Any] = {}
    exec("def function(x):\n    return x", names)
    function: Callable[[int], int] = names["function"]
    return function


def _driver() -> Callable[[Callable[[int], int]], None]:
    names: dict[str, Any] = {}
    exec(_DRIVER % _CALLS, names)
    drive: Callable[[Callable[[int], int]], None] = names["drive"]
    return drive
