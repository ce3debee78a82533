"""Hooks around a call, as Python source: for what has no bytecode (C functions) and for interpreters whose bytecode the
rewriter has not been proven on. The function made has the parameters of the one it stands for, and calls it.

Twice as dear as rewriting (a second frame), and visible: one more frame in tracebacks, and towards the recursion limit.
"""

import ast
import types
from dataclasses import dataclass
from typing import Any, Final, Literal

from weftline.agent.weave.rewrite import Hooks

Shape = Literal["function", "coroutine", "generator", "async generator"]

_HOOKS: Final = "weftline: the hooks"
_INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `kind` as :class:`inspect.Parameter` numbers them, 0 positional-only to 4 `**`."""

    name: str
    kind: int


def build(
    original: Any, name: str, parameters: list[Parameter], shape: Shape, hooks: Hooks, *,
    free: tuple[str, ...] = (), loose: tuple[str, ...] | None = None, filename: str = "<weftline>", line: int = 1,
) -> types.CodeType:  # fmt: skip
    """The code of a function that calls `original` with hooks around. `free` are the names of the cells it must have.

    With `loose`, positional arguments go by these names though the parameters are `*args, **kwargs`.
    """
    named = {parameter.name for parameter in parameters} | set(loose or ())
    for argument in (*hooks.args, *hooks.replaces):
        if argument not in named:
            raise ValueError(f"{name} has no argument {argument!r}")
    body = _enter(hooks, loose) + _around(_call(parameters), shape, hooks)
    signature = _signature(parameters)
    start = f"{'async ' if shape in ('coroutine', 'async generator') else ''}def _w_made({signature}):"
    keep = [f"if 0: {', '.join(free)}"] if free else []
    source = [f"def _w_outer({', '.join(free)}):", _INDENT + start]
    source += [_INDENT * 2 + row for row in [*keep, f"{_NAMES} = {_HOOKS!r}", *body]]
    tree = ast.parse("\n".join(source))
    for node in ast.walk(tree):
        if isinstance(node, (ast.stmt, ast.expr, ast.excepthandler, ast.arg, ast.keyword)):
            node.lineno = node.end_lineno = line
            node.col_offset = node.end_col_offset = 0
    outer = _only_code(compile(tree, filename, "exec", dont_inherit=True))
    made = _only_code(outer)
    values = (
        hooks.enter, hooks.leave, hooks.error, hooks.contained, hooks.pause, hooks.resume, hooks.where, original,
        BaseException, _pick, _put, GeneratorExit, StopIteration, StopAsyncIteration,
    )  # fmt: skip
    constants = tuple(values if constant == _HOOKS else constant for constant in made.co_consts)
    return made.replace(co_consts=constants, co_name=name)


_NAMES: Final = (
    "_w_enter, _w_leave, _w_error, _w_contained, _w_pause, _w_resume, _w_where, _w_original, _w_any, _w_pick, _w_put, "
    "_w_exit, _w_stop, _w_astop"
)


def _only_code(code: types.CodeType) -> types.CodeType:
    return next(constant for constant in code.co_consts if isinstance(constant, types.CodeType))


def _signature(parameters: list[Parameter]) -> str:
    parts: list[str] = []
    for index, parameter in enumerate(parameters):
        kinds = [other.kind for other in parameters]
        if parameter.kind == 3 and not {2, 3} & set(kinds[:index]):
            parts.append("*")
        parts.append({2: "*", 4: "**"}.get(parameter.kind, "") + parameter.name)
        if parameter.kind == 0 and kinds[index + 1 : index + 2] != [0]:
            parts.append("/")
    return ", ".join(parts)


def _call(parameters: list[Parameter]) -> str:
    shapes = ("{0}", "{0}", "*{0}", "{0}={0}", "**{0}")
    return f"_w_original({', '.join(shapes[parameter.kind].format(parameter.name) for parameter in parameters)})"


def _contained(call: str, *, otherwise: str = "") -> list[str]:
    rows = ["try:", f"{_INDENT}{call}", "except _w_any as _w_failed:"]
    if otherwise:
        rows.append(_INDENT + otherwise)
    return [*rows, _INDENT + "_w_contained(_w_failed, _w_where)"]


def _enter(hooks: Hooks, loose: tuple[str, ...] | None) -> list[str]:
    def read(name: str) -> str:
        if loose is None or name not in loose:
            return name
        return f"_w_pick(args, kwargs, {loose.index(name)}, {name!r})"

    new = [name if loose is None or name not in loose else f"_w_new_{name}" for name in hooks.replaces]
    call = f"{', '.join([*new, '_w_token'])} = _w_enter({', '.join(map(read, hooks.args))})"
    rows = _contained(call, otherwise="_w_token = None")
    put = [
        f"{_INDENT}args = _w_put(args, kwargs, {loose.index(name)}, {name!r}, _w_new_{name})"
        for name in hooks.replaces
        if loose is not None and name in loose
    ]
    return [*rows, "else:", *put] if put else rows


def _around(call: str, shape: Shape, hooks: Hooks) -> list[str]:
    body = {
        "function": [f"_w_result = {call}"],
        "coroutine": [f"_w_result = await {call}"],
        "generator": _generate(call, hooks, "{0}"),
        "async generator": _generate(call, hooks, "await {0}"),
    }[shape]
    rows = ["try:", *(_INDENT + row for row in body), "except _w_any as _w_raised:"]
    if hooks.error is not None:
        rows += [_INDENT + row for row in _contained("_w_error(_w_token, _w_raised)")]
    rows.append(_INDENT + "raise")
    if hooks.leave is not None:
        keep = "_w_result = " if hooks.returns else ""
        rows += _contained(f"{keep}_w_leave(_w_token, _w_result)")
    return rows if shape == "async generator" else [*rows, "return _w_result"]


def _generate(call: str, hooks: Hooks, wait: str) -> list[str]:
    """Hands on what the original yields, and to it what the consumer sends and throws (as PEP 380 says)."""
    a = "a" if wait.startswith("await") else ""
    pause = _contained("_w_pause(_w_token)") if hooks.pause is not None else []
    resume = _contained("_w_resume(_w_token)") if hooks.resume is not None else []
    rows = [
        f"_w_made = {call}",
        "_w_result = None",
        "try:",
        f"    _w_value = {wait.format(f'_w_made.{a}send(None)')}",
        "    while True:",
        *("        " + row for row in pause),
        "        try:",
        "            _w_sent = yield _w_value",
        "        except _w_exit:",
        *("            " + row for row in resume),
        f"            {wait.format(f'_w_made.{a}close()')}",
        "            raise",
        "        except _w_any as _w_thrown:",
        *("            " + row for row in resume),
        f"            _w_value = {wait.format(f'_w_made.{a}throw(_w_thrown)')}",
        "        else:",
        *("            " + row for row in resume),
        f"            _w_value = {wait.format(f'_w_made.{a}send(_w_sent)')}",
        f"except _w_{a}stop as _w_ended:",
    ]
    return [*rows, "    pass" if a else "    _w_result = _w_ended.value"]


def _pick(args: tuple[Any, ...], kwargs: dict[str, Any], index: int, name: str) -> Any:
    """An argument by name out of `*args, **kwargs`; None when it was left out."""
    return args[index] if index < len(args) else kwargs.get(name)


def _put(args: tuple[Any, ...], kwargs: dict[str, Any], index: int, name: str, value: Any) -> tuple[Any, ...]:
    """The arguments with another value; one that was left out, and stays None, stays out."""
    if index < len(args):
        return (*args[:index], value, *args[index + 1 :])
    if name in kwargs or value is not None:
        kwargs[name] = value
    return args
