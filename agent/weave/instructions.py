"""A code object as instructions: from `co_code` and `co_exceptiontable` to a list that hooks can be put into."""

import bisect
import types
from collections.abc import Iterator
from dataclasses import dataclass

from weftline.agent.weave import opcodes

Position = tuple[int | None, int | None, int | None, int | None]


@dataclass(frozen=True, slots=True, eq=False)
class Handler:
    """Where an exception goes: the handler's first instruction, the stack depth it is cut to, and whether the
    raising instruction's offset is pushed before the exception."""

    target: "Instruction"
    depth: int
    lasti: bool


class Instruction:
    """One instruction without its caches. `target` is set on jumps, `handler` where an exception table covers it.

    `size` and `offset`, in bytes, are the assembler's.
    """

    __slots__ = ("arg", "handler", "offset", "op", "position", "size", "target")

    def __init__(self, op: int, arg: int = 0, position: Position | None = None, handler: Handler | None = None) -> None:
        self.op = op
        self.arg = arg
        self.position = position
        self.handler = handler
        self.target: Instruction | None = None
        self.size = 2
        self.offset = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of an exception table; offsets in bytes, `end` excluded."""

    start: int
    end: int
    target: int
    depth: int
    lasti: bool


def parse(code: types.CodeType) -> tuple[list[Instruction], dict[int, Instruction]]:
    """The instructions in order, and by the offset at which each starts (its EXTENDED_ARG prefixes included).

    Jumps point at instructions. Handlers are not set: :func:`entries` has them with the original depths.
    """
    raw = code.co_code
    positions = list(code.co_positions())
    instructions: list[Instruction] = []
    by_offset: dict[int, Instruction] = {}
    jumps: list[tuple[Instruction, int]] = []
    offset, start, extended = 0, 0, 0
    while offset < len(raw):
        op, arg = raw[offset], raw[offset + 1] | extended
        if op == opcodes.EXTENDED_ARG:
            extended = arg << 8
            offset += 2
            continue
        extended = 0
        instruction = Instruction(op, arg, positions[offset >> 1])
        behind = offset + 2 + 2 * opcodes.CACHES.get(op, 0)
        if op in opcodes.JUMPS:
            base = behind if opcodes.JUMP_BASE_AFTER_CACHES else offset + 2
            jumps.append((instruction, base + 2 * (-arg if op in opcodes.BACKWARD else arg)))
        by_offset[start] = instruction
        instructions.append(instruction)
        offset = start = behind
    for instruction, target in jumps:
        instruction.target = by_offset[target]
    return instructions, by_offset


def entries(code: types.CodeType) -> list[Entry]:
    """The exception table's rows, in order (CPython, Objects/exception_handling_notes.txt)."""
    table = iter(code.co_exceptiontable)
    rows: list[Entry] = []
    for first in table:
        start = _varint(first, table)
        length = _varint(next(table), table)
        target = _varint(next(table), table)
        depth = _varint(next(table), table)
        rows.append(Entry(start * 2, (start + length) * 2, target * 2, depth >> 1, bool(depth & 1)))
    return rows


def _varint(byte: int, table: Iterator[int]) -> int:
    value = byte & 63
    while byte & 64:
        byte = next(table)
        value = value << 6 | byte & 63
    return value


def attach_handlers(rows: list[Entry], by_offset: dict[int, Instruction], shift: int) -> None:
    """Sets each covered instruction's handler, its depth moved by `shift`. Depths are never computed anew: the
    compiler's own are the only right ones."""
    offsets = sorted(by_offset)
    for row in rows:
        handler = Handler(by_offset[row.target], row.depth + shift, row.lasti)
        for offset in offsets[bisect.bisect_left(offsets, row.start) : bisect.bisect_left(offsets, row.end)]:
            by_offset[offset].handler = handler
