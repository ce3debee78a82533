"""Gives functions their woven code and takes it back. Verify first, then swap; on any doubt leave the function alone.

`__code__` is swapped, the function object stays: references taken earlier, bound methods, route tables and
subclasses are all woven with it. What is written in C goes to :mod:`~weftline.agent.weave.attribute`.
"""

import inspect
import threading
import types
import weakref
from dataclasses import dataclass, field
from typing import Any

from weftline.agent import counters
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import attribute, guard, opcodes, trampoline
from weftline.agent.weave.attribute import Attribute
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


def weave(target: types.FunctionType | Attribute, pointcut: Pointcut, advice: Advice) -> bool:
    """Weaves one target. False when this pointcut is in it already. Raises :class:`Refused`."""
    hooks = _hooks(pointcut, advice)
    with _lock:
        if isinstance(target, Attribute):
            try:
                attribute.weave(target, pointcut, hooks)
            except (attribute.CannotReplace, ValueError, SyntaxError) as reason:
                raise Refused(str(reason)) from reason
        elif pointcut in attribute.pointcuts(target) or not _weave_function(target, pointcut, hooks):
            return False
    counters.count("woven", pointcut.where)
    return True


def _hooks(pointcut: Pointcut, advice: Advice) -> Hooks:
    if pointcut.returns and advice.leave is None:
        raise Refused("`returns` without `leave`")
    return Hooks(
        where=pointcut.where,
        enter=advice.enter,
        leave=advice.leave,
        error=advice.error,
        contained=guard.contained,
        args=pointcut.args,
        replaces=pointcut.replaces,
        returns=pointcut.returns,
        pause=advice.pause,
        resume=advice.resume,
    )


def _weave_function(function: types.FunctionType, pointcut: Pointcut, hooks: Hooks) -> bool:
    before = function.__code__
    if before.co_flags & _GENERATOR and pointcut.kind != "observe" and None in (hooks.pause, hooks.resume):
        raise Refused("generator would leak its context")
    if before.co_flags & inspect.CO_ASYNC_GENERATOR and pointcut.returns:
        raise Refused("an async generator has no result to replace")
    state = _woven.get(function)
    if state is not None and state.code is not before:
        raise Refused("code was replaced by somebody else after weaving")
    if state is not None and pointcut in state.pointcuts:
        return False
    try:
        if opcodes.rewrites():
            code = rewrite(before, hooks)
            verify(before, code)
        else:
            code = trampoline.code_for(function, hooks)
    except UnsoundError as error:
        raise Refused(f"unsound: {error}") from error
    except (ValueError, IndexError, KeyError, StopIteration, SyntaxError) as error:
        raise Refused(f"not rewritable: {error}") from error
    function.__code__ = code
    if state is None:
        _woven[function] = _Woven(before, code, [pointcut])
    else:
        state.code = code
        state.pointcuts.append(pointcut)
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
    """Every woven function that still lives gets its original code back, everything in C its name."""
    with _lock:
        for function in list(_woven):
            unweave(function)
        attribute.unweave_all()


def find(module: types.ModuleType, target: str) -> types.FunctionType | Attribute:
    """What `Class.method` or `function` names in a module, under its decorators. Raises :class:`Refused`."""
    owner: Any = None
    found: Any = module
    name = ""
    for name in target.split("."):
        owner = found
        try:
            found = inspect.getattr_static(owner, name)
        except AttributeError:
            raise Refused("not there") from None
    while not isinstance(found, types.FunctionType):
        if isinstance(found, (staticmethod, classmethod)) or _is_bound(found):
            found = found.__func__
        elif hasattr(found, "__wrapped__"):
            found = found.__wrapped__
        elif attribute.is_c(found):
            return Attribute(owner, name, found)
        else:
            raise Refused(f"not a function but a {type(found).__name__}")
    inner = inspect.unwrap(found)
    return inner if isinstance(inner, types.FunctionType) else found


def _is_bound(found: object) -> bool:
    """Whether this is a Python function bound to an object, as a module may name one (`random.random`)."""
    return isinstance(found, types.MethodType) and isinstance(found.__func__, types.FunctionType)
