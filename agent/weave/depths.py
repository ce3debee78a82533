"""How deep a function's value stack is where it yields: the token lies at its bottom and must be reached from its top.

Only read from; the exception table's depths stay the compiler's own. Depths are followed along every path, and any
disagreement, of two paths or of a path with the exception table, makes the function one that is left alone.
"""

import dis
import itertools

from weftline.agent.weave import opcodes
from weftline.agent.weave.instructions import Instruction

_YIELD_FROM, _AWAIT = 2, 3
"""What a RESUME's argument says it stands behind."""


def at_yields(body: list[Instruction], start: int) -> dict[Instruction, int]:
    """The yields to the consumer, each with the depth below which the function's own slots lie, its value included.

    Handlers' depths are expected with the token's slot added. Raises ValueError for `yield from`: the interpreter
    looks at the bytecode around it.
    """
    found: dict[Instruction, int] = {}
    depths: dict[Instruction, int] | None = None
    for index in range(start, len(body) - 2):
        if body[index].op != opcodes.YIELD_VALUE:
            continue
        resume = body[index + 1]
        kind = resume.arg & 3
        if resume.op != opcodes.RESUME or kind == _YIELD_FROM:
            raise ValueError("`yield from` can't be paused")
        if kind == _AWAIT:
            continue
        if depths is None:
            depths = _measure(body, start)
        if body[index] in depths:  # what no path reaches never yields
            found[body[index]] = depths[body[index]]
    return found


def _measure(body: list[Instruction], start: int) -> dict[Instruction, int]:
    after = dict(itertools.pairwise(body))
    depths: dict[Instruction, int] = {}
    waiting = [(body[start], 0)]
    while waiting:
        instruction, depth = waiting.pop()
        if instruction in depths:
            if depths[instruction] != depth:
                raise ValueError("stack depths disagree")
            continue
        depths[instruction] = depth
        handler = instruction.handler
        if handler is not None:
            own = handler.depth - 1  # without the token
            if not 0 <= own <= depth:
                raise ValueError("stack depths disagree with the exception table")
            waiting.append((handler.target, own + handler.lasti + 1))
        arg = instruction.arg if instruction.op >= dis.HAVE_ARGUMENT else None
        if instruction.target is not None:
            waiting.append((instruction.target, depth + dis.stack_effect(instruction.op, arg, jump=True)))
        if instruction.op not in opcodes.NO_WAY_ON:
            waiting.append((after[instruction], depth + dis.stack_effect(instruction.op, arg, jump=False)))
    return depths
