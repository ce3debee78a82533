"""Gives functions their woven code and takes it back. Verify first, then swap; on any doubt leave the function alone.

`__code__` is swapped, the function object stays: references taken earlier, bound methods, route tables and
subclasses are all woven with it.
"""

import inspect
import threading
import types
import weakref
from dataclasses import dataclass, field
from typing import Any

from weftline.agent import counters
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import guard, opcodes
from weftline.agent.weave.rewrite import Hooks, rewrite
from weftline.agent.weave.verify import UnsoundError, verify

_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


class Refused(Exception):  # noqa: N818 - not an error: the function is fine and stays as it was
    """The function was left alone; the message is the reason it is counted under."""


@dataclass(slots=True)
class _Woven:
    original: types.CodeType
    code: types.CodeType
    pointcuts: list[Pointcut] = field(default_factory=list)


_lock = threading.RLock()
_woven: weakref.WeakKeyDictionary[types.FunctionType, _Woven] = weakref.WeakKeyDictionary()


def weave(function: types.FunctionType, pointcut: Pointcut, advice: Advice) -> bool:
    """Weaves one function. False when this pointcut is in it already. Raises :class:`Refused`."""
    if not opcodes.SUPPORTED:
        raise Refused("interpreter version not proven")
    if function.__code__.co_flags & _GENERATOR and pointcut.kind != "observe":
        raise Refused("generator would leak its context")
    with _lock:
        state = _woven.get(function)
        if state is not None and state.code is function.__code__:
            if pointcut in state.pointcuts:
                return False
        elif state is not None:
            raise Refused("code was replaced by somebody else after weaving")
        before = function.__code__
        hooks = Hooks(
            where=pointcut.where,
            enter=advice.enter,
            leave=advice.leave,
            error=advice.error,
            contained=guard.contained,
            args=pointcut.args,
            replaces=pointcut.replaces,
        )
        try:
            code = rewrite(before, hooks)
            verify(before, code)
        except UnsoundError as error:
            raise Refused(f"unsound: {error}") from error
        except (ValueError, IndexError, KeyError, StopIteration) as error:
            raise Refused(f"not rewritable: {error}") from error
        function.__code__ = code
        if state is None:
            _woven[function] = _Woven(before, code, [pointcut])
        else:
            state.code = code
            state.pointcuts.append(pointcut)
        counters.count("woven", pointcut.where)
        return True


def unweave(function: types.FunctionType) -> bool:
    """Gives a function its original code object back. False when it wasn't woven, or not by us last."""
    with _lock:
        state = _woven.get(function)
        if state is None or function.__code__ is not state.code:
            return False
        function.__code__ = state.original
        del _woven[function]
        return True


def unweave_all() -> None:
    """Every woven function that still lives gets its original code back."""
    for function in list(_woven):
        unweave(function)


def find(module: types.ModuleType, target: str) -> types.FunctionType:
    """The function behind `Class.method` or `function` in a module, under its decorators. Raises :class:`Refused`."""
    found: Any = module
    for name in target.split("."):
        try:
            found = inspect.getattr_static(found, name)
        except AttributeError:
            raise Refused("not there") from None
    while not isinstance(found, types.FunctionType):
        if isinstance(found, (staticmethod, classmethod)):
            found = found.__func__
        elif hasattr(found, "__wrapped__"):
            found = found.__wrapped__
        else:
            raise Refused(f"not a Python function but a {type(found).__name__}")
    inner = inspect.unwrap(found)
    return inner if isinstance(inner, types.FunctionType) else found
