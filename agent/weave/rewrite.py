"""Puts hooks into a code object: a call of `enter` behind the function's start, of `leave` before each return, of
`error` where an exception leaves.

    try:   token = enter(args…)             contained: on failure token = None
    …body…                                  the token lies at the bottom of the value stack, so `locals()` is unchanged
    yield:  pause(token) … resume(token)    contained; `yields` has these
    return: leave(token, result)            contained; with `returns` the result is what it returns
    raise:  error(token, exception)         contained, then raised again with its own traceback

The original's exception-table depths are kept and moved up by the token's one slot, never computed anew. What a
hook raises goes to `contained(exception, where)` (guard.py) through handlers of its own, never to the function's.
"""

import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from weftline.agent.weave import assemble, depths, opcodes
from weftline.agent.weave.instructions import (
    Handler,
    Instruction,
    Position,
    attach_handlers,
    entries,
    parse,
)

_HOOK_STACK = 12
"""Slots the deepest of our own sequences needs: `error`'s containment."""
_MORE_STACK = 7
_MORE_STACK_AT_YIELDS = 12
"""Slots on top of the function's own: those of `leave`'s containment; of `resume`'s when something is thrown in."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What to call. `args` names the arguments `enter` gets; those in `replaces` are set to what it returns.

    With `replaces`, `enter` returns a tuple of the new values in that order and the token last. With `returns`, what
    `leave` returns takes the result's place.
    """

    where: str
    enter: Callable[..., Any]
    leave: Callable[[Any, Any], Any] | None
    error: Callable[[Any, BaseException], Any] | None
    contained: Callable[[BaseException, str], Any]
    args: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    returns: bool = False
    pause: Callable[[Any], Any] | None = None
    resume: Callable[[Any], Any] | None = None


def rewrite(code: types.CodeType, hooks: Hooks) -> types.CodeType:
    """A new code object with the hooks in it. Raises ValueError when an argument named is none of the function's,
    or the function can't be given what is asked for."""
    return _Rewriter(code, hooks).run()


class _Rewriter:
    def __init__(self, code: types.CodeType, hooks: Hooks) -> None:
        self.code = code
        self.hooks = hooks
        self.constants = list(code.co_consts)
        self.keeps_token = any(hook is not None for hook in (hooks.leave, hooks.error, hooks.pause, hooks.resume))
        self.tail: list[Instruction] = []
        """Our handlers, behind the function's own code."""
        self.cleanup = _cleanup(None)

    def run(self) -> types.CodeType:
        body, by_offset = parse(self.code)
        attach_handlers(entries(self.code), by_offset, int(self.keeps_token))
        start = next(index for index, instruction in enumerate(body) if instruction.op == opcodes.RESUME) + 1
        for instruction in body[:start]:
            instruction.handler = None
        head = self._enter(body[start])
        uncovered = self._error() if self.hooks.error is not None else None
        out = body[:start] + head
        moved: dict[Instruction, Instruction] = {}
        leave_failed = self._leave_failed() if self.hooks.leave is not None else None
        pauses = self.hooks.pause is not None or self.hooks.resume is not None
        yields = depths.at_yields(body, start) if pauses else {}
        behind: list[Instruction] = []
        for index, instruction in enumerate(body[start:], start):
            before: list[Instruction] = []
            if self.keeps_token:
                before = self._adapt(instruction, uncovered, leave_failed)
            if instruction in yields:
                before += self._pause(instruction, yields[instruction])
            if before:
                moved[instruction] = before[0]
                out += before
            out.append(instruction)
            out += behind
            behind = []
            if instruction in yields:
                behind = self._resume(instruction, body[index + 1], body[index + 2], yields[instruction])
        out += self.tail
        out += self.cleanup
        for instruction in out:
            if instruction.target in moved:
                instruction.target = moved[instruction.target]
        assemble.lay_out(out)
        return self.code.replace(
            co_code=assemble.bytecode(out),
            co_consts=tuple(self.constants),
            co_stacksize=max(
                self.code.co_stacksize + (_MORE_STACK_AT_YIELDS if yields else _MORE_STACK),
                len(self.hooks.args) + 4,
                _HOOK_STACK,
            ),
            co_linetable=assemble.line_table(out, self.code.co_firstlineno),
            co_exceptiontable=assemble.exception_table(out),
        )

    def _constant(self, value: object) -> int:
        self.constants.append(value)
        return len(self.constants) - 1

    def _function(self, value: object, position: Position | None = None) -> list[Instruction]:
        load = Instruction(opcodes.LOAD_CONST, self._constant(value), position)
        null = Instruction(opcodes.PUSH_NULL, 0, position)
        return [load, null] if opcodes.NULL_AFTER_FUNCTION else [null, load]

    def _call(self, arguments: int, position: Position | None = None) -> list[Instruction]:
        call = Instruction(opcodes.CALL, arguments, position)
        if opcodes.PRECALL == opcodes.ABSENT:
            return [call]
        return [Instruction(opcodes.PRECALL, arguments, position), call]

    def _local(self, name: str, fast: int, cell: int) -> Instruction:
        code = self.code
        count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
        if name not in code.co_varnames[:count]:
            raise ValueError(f"{code.co_qualname} has no argument {name!r}")
        return Instruction(cell if name in code.co_cellvars else fast, code.co_varnames.index(name))

    def _enter(self, first: Instruction) -> list[Instruction]:
        """The head. Behind it the token is on the stack, if anybody will want it."""
        hooks = self.hooks
        failed = Instruction(opcodes.PUSH_EXC_INFO)
        head = self._function(hooks.enter)
        head += [self._local(name, opcodes.LOAD_FAST, opcodes.LOAD_DEREF) for name in hooks.args]
        head += self._call(len(hooks.args))
        if hooks.replaces:
            head.append(Instruction(opcodes.UNPACK_SEQUENCE, len(hooks.replaces) + 1))
        _cover(head, Handler(failed, 0, lasti=False))
        head += [self._local(name, opcodes.STORE_FAST, opcodes.STORE_DEREF) for name in hooks.replaces]
        if not self.keeps_token:
            head.append(Instruction(opcodes.POP_TOP))
        back = Instruction(opcodes.JUMP_BACK)
        back.target = first
        resume = [back]
        if self.keeps_token:
            resume.insert(0, Instruction(opcodes.LOAD_CONST, self._constant(None)))
        self.tail += self._contain(failed, Handler(self.cleanup[0], 1, lasti=True)) + resume
        return head

    def _adapt(
        self, instruction: Instruction, uncovered: Handler | None, leave_failed: Handler | None
    ) -> list[Instruction]:
        """Makes an instruction of the body right for the token below it; what must stand before it."""
        if instruction.handler is None:
            instruction.handler = uncovered
        before: list[Instruction] = []
        if instruction.op in (opcodes.RETURN_VALUE, opcodes.RETURN_CONST):
            if instruction.op == opcodes.RETURN_CONST:
                before.append(Instruction(opcodes.LOAD_CONST, instruction.arg, instruction.position))
                instruction.op, instruction.arg = opcodes.RETURN_VALUE, 0
            before += self._leave(instruction.position, leave_failed)
            instruction.handler = None  # nothing may catch between `leave` and the return
        elif instruction.op == opcodes.YIELD_VALUE and opcodes.YIELD_HOLDS_DEPTH:
            instruction.arg += 1
        elif instruction.op == opcodes.RESUME and opcodes.RESUME_HOLDS_SHORTCUT:
            instruction.arg &= ~4  # else close() skips our handler, and the span is never ended
        return before

    def _leave(self, position: Position | None, failed: Handler | None) -> list[Instruction]:
        """Stack: token, result → result."""
        out: list[Instruction] = []
        if self.hooks.leave is not None:
            out += self._function(self.hooks.leave, position)
            out += [Instruction(opcodes.COPY, 4, position), Instruction(opcodes.COPY, 4, position)]
            out += self._call(2, position)
            _cover(out, failed)
            if self.hooks.returns:
                out.append(Instruction(opcodes.SWAP, 2, position))
            out.append(Instruction(opcodes.POP_TOP, 0, position))
        return [*out, Instruction(opcodes.SWAP, 2, position), Instruction(opcodes.POP_TOP, 0, position)]

    def _leave_failed(self) -> Handler:
        first = Instruction(opcodes.PUSH_EXC_INFO)
        self.tail += self._contain(first, Handler(self.cleanup[0], 3, lasti=True))
        self.tail += [Instruction(opcodes.SWAP, 2), Instruction(opcodes.POP_TOP), Instruction(opcodes.RETURN_VALUE)]
        return Handler(first, 2, lasti=False)

    def _error(self) -> Handler:
        """Stack in the handler: token, offset, previous exception, exception."""
        first, failed = Instruction(opcodes.PUSH_EXC_INFO), Instruction(opcodes.PUSH_EXC_INFO)
        restore = Handler(self.cleanup[0], 3, lasti=True)
        call = self._function(self.hooks.error)
        call += [Instruction(opcodes.COPY, 6), Instruction(opcodes.COPY, 4)]
        call += self._call(2)
        call.append(Instruction(opcodes.POP_TOP))
        _cover(call, Handler(failed, 4, lasti=False))
        again = _cleanup(None)
        contain = self._contain(failed, Handler(again[0], 5, lasti=True))
        first.handler = restore
        self.tail += [first, *call, Instruction(opcodes.RERAISE, 2, None, restore)]
        self.tail += [*contain, Instruction(opcodes.RERAISE, 2, None, restore)]
        self.tail += _cover(again, restore)
        return Handler(first, 1, lasti=True)

    def _pause(self, yielding: Instruction, depth: int) -> list[Instruction]:
        """Stack, before and after: token, `depth` - 1 slots of the function's, the value to be yielded."""
        if self.hooks.pause is None:
            return []
        failed = Instruction(opcodes.PUSH_EXC_INFO)
        call = [*self._function(self.hooks.pause), Instruction(opcodes.COPY, depth + 3), *self._call(1)]
        call.append(Instruction(opcodes.POP_TOP))
        _cover(call, Handler(failed, depth + 1, lasti=False))
        on = Instruction(
            opcodes.NOP, 0, yielding.position, yielding.handler
        )  # jumps to the yield itself lead to `call`
        self._go_on(failed, on, depth + 1, yielding.handler)
        return [*call, on]

    def _resume(self, yielding: Instruction, resumed: Instruction, then: Instruction, depth: int) -> list[Instruction]:
        """Stack, before and after: token, `depth` - 1 slots of the function's, the value that was sent. What is thrown
        in passes a handler of ours, which calls `resume`, before the function's own get it."""
        if self.hooks.resume is None:
            return []
        outer = yielding.handler
        failed = Instruction(opcodes.PUSH_EXC_INFO)
        call = [*self._function(self.hooks.resume), Instruction(opcodes.COPY, depth + 3), *self._call(1)]
        call.append(Instruction(opcodes.POP_TOP))
        _cover(call, Handler(failed, depth + 1, lasti=False))
        self._go_on(failed, then, depth + 1, outer)

        first, failed = Instruction(opcodes.PUSH_EXC_INFO), Instruction(opcodes.PUSH_EXC_INFO)
        cleanup = _cleanup(outer)
        restore = Handler(cleanup[0], depth + 2, lasti=True)
        thrown = [*self._function(self.hooks.resume), Instruction(opcodes.COPY, depth + 5), *self._call(1)]
        thrown.append(Instruction(opcodes.POP_TOP))
        _cover(thrown, Handler(failed, depth + 3, lasti=False))
        onward = [Instruction(opcodes.SWAP, 2), Instruction(opcodes.POP_EXCEPT), Instruction(opcodes.RERAISE, 1)]
        _cover(onward, outer)
        again = _cover(_cleanup(None), restore)
        back = Instruction(opcodes.JUMP_BACK)
        back.target = onward[0]
        first.handler = restore
        self.tail += [first, *thrown, *onward]
        self.tail += [*self._contain(failed, Handler(again[0], depth + 4, lasti=True)), back, *again, *cleanup]
        yielding.handler = resumed.handler = Handler(first, depth, lasti=True)
        return call

    def _go_on(self, failed: Instruction, then: Instruction, depth: int, outer: Handler | None) -> None:
        """The handler of a hook that failed at a stack of `depth`: contained, then on with `then`."""
        cleanup = _cleanup(outer)
        back = Instruction(opcodes.JUMP_BACK)
        back.target = then
        self.tail += [*self._contain(failed, Handler(cleanup[0], depth + 1, lasti=True)), back, *cleanup]

    def _contain(self, first: Instruction, restore: Handler) -> list[Instruction]:
        """A handler's code that hands the exception to `contained` and leaves the stack as before the call."""
        out = [first, *self._function(self.hooks.contained), Instruction(opcodes.COPY, 3)]
        out.append(Instruction(opcodes.LOAD_CONST, self._constant(self.hooks.where)))
        out += self._call(2)
        out += [Instruction(opcodes.POP_TOP), Instruction(opcodes.POP_TOP)]
        return [*_cover(out, restore), Instruction(opcodes.POP_EXCEPT)]


def _cleanup(handler: Handler | None) -> list[Instruction]:
    """What the compiler puts where an exception leaves a handler. Stack: previous exception, offset, exception."""
    ops = [Instruction(opcodes.COPY, 3), Instruction(opcodes.POP_EXCEPT), Instruction(opcodes.RERAISE, 1)]
    return _cover(ops, handler)


def _cover(instructions: list[Instruction], handler: Handler | None) -> list[Instruction]:
    for instruction in instructions:
        instruction.handler = handler
    return instructions
