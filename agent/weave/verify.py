"""A dry look at rewritten code before any function gets it: what the interpreter trusts blindly must be right."""

import types

from weftline.agent.weave.instructions import entries, parse

_KEPT = (
    "co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_flags", "co_names", "co_varnames",
    "co_freevars", "co_cellvars", "co_filename", "co_name", "co_qualname", "co_firstlineno",
)  # fmt: skip


class UnsoundError(ValueError):
    """The rewritten code must not be used; the message says why."""


def verify(original: types.CodeType, woven: types.CodeType) -> None:
    """Raises :class:`UnsoundError` unless `woven` is well formed and differs from `original` in its code only."""
    for name in _KEPT:
        if getattr(original, name) != getattr(woven, name):
            raise UnsoundError(f"{name} changed")
    if woven.co_consts[: len(original.co_consts)] != original.co_consts:
        raise UnsoundError("constants moved")
    try:
        _, by_offset = parse(woven)
    except (KeyError, IndexError) as error:
        raise UnsoundError("a jump leads between instructions") from error
    end = 0
    for row in entries(woven):
        if row.start < end or row.end > len(woven.co_code):
            raise UnsoundError("the exception table's rows overlap")
        end = row.end
        if row.start not in by_offset or row.target not in by_offset:
            raise UnsoundError("an exception handler starts between instructions")
        if row.depth + 1 + row.lasti > woven.co_stacksize:
            raise UnsoundError("an exception handler needs more stack than there is")
    if not {line for _, _, line in original.co_lines()} - {None} <= {line for _, _, line in woven.co_lines()}:
        raise UnsoundError("source lines were lost")
