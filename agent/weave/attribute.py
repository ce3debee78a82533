"""Weaves what is written in C: a Python function with the same signature takes its place where it is named.

Where it is named: in its module or on its type, and in every loaded module that had it by `from x import y`. All of
this is put back; whoever holds the Python function then still gets one that only calls the original.
"""

import inspect
import sys
import types
from dataclasses import dataclass, field
from typing import Any, Final

from weftline.agent.pointcut import Pointcut
from weftline.agent.weave.rewrite import Hooks
from weftline.agent.weave.template import Parameter, build

_CYTHON: Final = "cython_function_or_method"
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Attribute:
    """A callable in C, and where it was found: `owner` is a module or a class."""

    owner: Any
    name: str
    original: Any


def is_c(found: object) -> bool:
    """Whether this is a function or method in C, which the engine can stand in for."""
    if isinstance(found, types.MethodType):
        found = found.__func__
    return isinstance(found, (types.BuiltinFunctionType, types.MethodDescriptorType)) or type(found).__name__ == _CYTHON


class CannotReplace(Exception):  # noqa: N818 - the caller refuses with this reason
    """The attribute stays as it is; the message is the reason."""


@dataclass(slots=True)
class _Replaced:
    attribute: Attribute
    before: Any
    """What stood in the owner's own `__dict__`; _ABSENT if it was inherited."""
    made: types.FunctionType
    idle: types.CodeType
    """The function's code when it is no longer woven."""
    pointcuts: list[Pointcut] = field(default_factory=list)


_replaced: dict[types.FunctionType, _Replaced] = {}
_subclasses: dict[type, type] = {}
"""Types in C by the subclass that stands for each."""


def pointcuts(function: types.FunctionType) -> list[Pointcut]:
    """The pointcuts for which this function was made; empty for one that isn't ours."""
    state = _replaced.get(function)
    return [] if state is None else state.pointcuts


def weave(attribute: Attribute, pointcut: Pointcut, hooks: Hooks) -> None:
    """Puts a Python function in the attribute's place. Raises :class:`CannotReplace` or ValueError."""
    owner = attribute.owner
    if isinstance(owner, type) and pointcut.subclass and owner.__flags__ & _IMMUTABLE:
        owner = _subclass(owner)
    before = vars(owner).get(attribute.name, _ABSENT)
    # as an attribute of a class a function in Python would bind; these don't
    bound = isinstance(attribute.original, (types.BuiltinFunctionType, types.MethodType))
    made, idle = _function(attribute, pointcut, hooks, bound=bound)
    try:
        setattr(owner, attribute.name, staticmethod(made) if bound and isinstance(owner, type) else made)
    except TypeError:
        raise CannotReplace(f"{owner.__qualname__} is a type in C that can't be changed") from None
    _replaced[made] = _Replaced(attribute, before, made, idle, [pointcut])
    if not isinstance(owner, type):
        repair(attribute.original, made)


def unweave_all() -> None:
    """Puts every original back."""
    for made, state in list(_replaced.items()):
        owner = _subclasses.get(state.attribute.owner, state.attribute.owner)
        if state.before is _ABSENT:
            if state.attribute.name in vars(owner):
                delattr(owner, state.attribute.name)
        else:
            setattr(owner, state.attribute.name, state.before)
        repair(made, state.attribute.original)
        made.__code__ = state.idle
        del _replaced[made]
    for original, subclass in list(_subclasses.items()):
        _rebase(subclass, original)
        repair(subclass, original)
        del _subclasses[original]


def repair(stale: Any, current: Any) -> int:
    """Replaces an object by another in every loaded module that names it; how many names there were."""
    found = 0
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        if type(names) is dict:
            for name, value in list(names.items()):
                if value is stale:
                    names[name] = current
                    found += 1
    return found


_IMMUTABLE: Final = 1 << 8
"""Py_TPFLAGS_IMMUTABLETYPE: its attributes can't be set."""


def _subclass(owner: type) -> type:
    if owner in _subclasses:
        return _subclasses[owner]
    body = {
        "__slots__": (),
        "__module__": owner.__module__,
        "__qualname__": owner.__qualname__,
        "__doc__": owner.__doc__,
    }
    try:
        made = type(owner)(owner.__name__, (owner,), body)
    except TypeError:
        raise CannotReplace(f"{owner.__qualname__} is a type in C that takes no subclass") from None
    _subclasses[owner] = made
    _rebase(owner, made)
    repair(owner, made)
    return made


def _rebase(stale: type, current: type) -> None:
    """Lets the classes made from a type be made from another, where the interpreter allows it."""
    children: list[type] = stale.__subclasses__()
    for child in children:
        if child is not current:
            try:
                child.__bases__ = tuple(current if base is stale else base for base in child.__bases__)
            except TypeError:  # its instances are laid out differently
                continue


def _function(
    attribute: Attribute, pointcut: Pointcut, hooks: Hooks, *, bound: bool
) -> tuple[types.FunctionType, types.CodeType]:
    original, loose = attribute.original, None
    defaults: tuple[Any, ...] = ()
    keyword_defaults: dict[str, Any] = {}
    try:
        declared = list(inspect.signature(original).parameters.values())
    except ValueError:
        if not pointcut.signature and pointcut.args:
            raise CannotReplace("it tells no signature, and the pointcut none") from None
        loose = tuple(name.strip() for name in pointcut.signature.split(",") if name.strip())
        own = [Parameter("self", 0)] if isinstance(attribute.owner, type) and not bound else []
        parameters = [*own, Parameter("args", 2), Parameter("kwargs", 4)]
    else:
        parameters = [Parameter(parameter.name, int(parameter.kind)) for parameter in declared]
        given = [one for one in declared if one.default is not one.empty]
        defaults = tuple(one.default for one in given if one.kind is not one.KEYWORD_ONLY)
        keyword_defaults = {one.name: one.default for one in given if one.kind is one.KEYWORD_ONLY}
    name = original.__name__
    idle_hooks = Hooks(hooks.where, _nothing, None, None, hooks.contained)
    made = types.FunctionType(
        build(original, name, parameters, "function", hooks, loose=loose),
        {"__name__": getattr(original, "__module__", None) or pointcut.module, "__builtins__": __builtins__},
        name,
        defaults or None,
    )
    made.__kwdefaults__ = keyword_defaults or None
    made.__qualname__ = original.__qualname__
    made.__doc__ = original.__doc__
    return made, build(original, name, parameters, "function", idle_hooks, loose=loose)


def _nothing() -> None:
    pass
