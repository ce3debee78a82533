"""Weaves a Python function without touching bytecode: its code object is swapped for one that calls the original.

For interpreter versions the rewriter has not been proven on. The function object stays, so references taken earlier
are woven too; what differs from rewriting is in :mod:`~weftline.agent.weave.template`.
"""

import inspect
import types

from weftline.agent.weave.rewrite import Hooks
from weftline.agent.weave.template import Parameter, Shape, build


def code_for(function: types.FunctionType, hooks: Hooks) -> types.CodeType:
    """The code to give to `function`. Raises ValueError when it can't be had."""
    code = function.__code__
    original = types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__
    original.__qualname__ = function.__qualname__
    made = build(
        original, code.co_name, _parameters(code), _shape(code), hooks,
        free=code.co_freevars, filename=code.co_filename, line=code.co_firstlineno,
    )  # fmt: skip
    made = made.replace(co_qualname=code.co_qualname, co_flags=code.co_flags)
    if made.co_freevars != code.co_freevars:
        raise ValueError("the cells differ")
    return made


def _parameters(code: types.CodeType) -> list[Parameter]:
    positional, keyword_only = code.co_argcount, code.co_kwonlyargcount
    names = list(code.co_varnames)
    found = [Parameter(name, int(index >= code.co_posonlyargcount)) for index, name in enumerate(names[:positional])]
    rest = positional + keyword_only
    if code.co_flags & inspect.CO_VARARGS:
        found.append(Parameter(names[rest], 2))
        rest += 1
    found += [Parameter(name, 3) for name in names[positional : positional + keyword_only]]
    if code.co_flags & inspect.CO_VARKEYWORDS:
        found.append(Parameter(names[rest], 4))
    if any(not parameter.name.isidentifier() for parameter in found):
        raise ValueError("a parameter has no name that can be written")  # a comprehension's `.0`
    return found


def _shape(code: types.CodeType) -> Shape:
    if code.co_flags & inspect.CO_ITERABLE_COROUTINE:
        raise ValueError("a generator that is awaited")
    if code.co_flags & inspect.CO_COROUTINE:
        return "coroutine"
    if code.co_flags & inspect.CO_ASYNC_GENERATOR:
        return "async generator"
    return "generator" if code.co_flags & inspect.CO_GENERATOR else "function"
