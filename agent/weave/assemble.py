"""Instructions back to bytes: `co_code`, `co_exceptiontable` and `co_linetable` (formats of CPython 3.11 to 3.13)."""

from collections.abc import Iterable

from weftline.agent.weave import opcodes
from weftline.agent.weave.instructions import Instruction, Position

_NO_POSITION, _NO_COLUMNS, _LONG, _ONE_LINE = 15, 13, 14, 10
_UNITS_PER_ENTRY = 8
_SHORT_COLUMN = 128


def lay_out(instructions: list[Instruction]) -> None:
    """Gives each instruction its offset and size, and jumps their arguments, until nothing grows any more."""
    for instruction in instructions:
        instruction.size = 2
    grew = True
    while grew:
        offset = 0
        for instruction in instructions:
            instruction.offset = offset
            offset = _end(instruction)
        grew = False
        for instruction in instructions:
            if instruction.target is not None:
                base = instruction.offset + instruction.size
                if opcodes.JUMP_BASE_AFTER_CACHES:
                    base = _end(instruction)
                distance = (instruction.target.offset - base) >> 1
                instruction.arg = -distance if instruction.op in opcodes.BACKWARD else distance
                if instruction.arg < 0:
                    raise ValueError("a jump changed its direction")
            size = 2 * max(1, (instruction.arg.bit_length() + 7) // 8)
            if size > instruction.size:
                instruction.size = size
                grew = True


def bytecode(instructions: Iterable[Instruction]) -> bytes:
    """`co_code`, with EXTENDED_ARG prefixes and zeroed caches."""
    out = bytearray()
    for instruction in instructions:
        for prefix in range(instruction.size // 2 - 1, 0, -1):
            out += bytes((opcodes.EXTENDED_ARG, instruction.arg >> 8 * prefix & 255))
        out += bytes((instruction.op, instruction.arg & 255))
        out += bytes(2 * opcodes.CACHES.get(instruction.op, 0))
    return bytes(out)


def exception_table(instructions: list[Instruction]) -> bytes:
    """`co_exceptiontable`: a row for each run of instructions with the same handler."""
    out = bytearray()
    first = 0
    while first < len(instructions):
        handler = instructions[first].handler
        last = first
        while last + 1 < len(instructions) and instructions[last + 1].handler is handler:
            last += 1
        if handler is not None:
            start, end = instructions[first].offset, _end(instructions[last])
            out += _table_varint(start >> 1, start=True)
            out += _table_varint((end - start) >> 1)
            out += _table_varint(handler.target.offset >> 1)
            out += _table_varint(handler.depth << 1 | handler.lasti)
        first = last + 1
    return bytes(out)


def line_table(instructions: Iterable[Instruction], first_line: int) -> bytes:
    """`co_linetable` (CPython, Objects/locations.md)."""
    out = bytearray()
    line = first_line
    for units, position in _runs(instructions):
        remaining = units
        while remaining:
            count = min(remaining, _UNITS_PER_ENTRY)
            remaining -= count
            line = _line_entry(out, count, position, line)
    return bytes(out)


def _runs(instructions: Iterable[Instruction]) -> Iterable[tuple[int, Position | None]]:
    units, position, started = 0, None, False
    for instruction in instructions:
        count = (_end(instruction) - instruction.offset) >> 1
        if started and instruction.position == position:
            units += count
            continue
        if started:
            yield units, position
        units, position, started = count, instruction.position, True
    if started:
        yield units, position


def _line_entry(out: bytearray, units: int, position: Position | None, last_line: int) -> int:
    def head(code: int) -> int:
        return 0x80 | code << 3 | units - 1

    line, end_line, column, end_column = position or (None, None, None, None)
    if line is None:
        out.append(head(_NO_POSITION))
        return last_line
    delta = line - last_line
    if column is None or end_column is None:
        out.append(head(_NO_COLUMNS))
        out += _line_varint(_zigzag(delta))
    elif end_line == line and 0 <= delta <= 2 and column < _SHORT_COLUMN and end_column < _SHORT_COLUMN:
        out += bytes((head(_ONE_LINE + delta), column, end_column))
    else:
        out.append(head(_LONG))
        out += _line_varint(_zigzag(delta))
        out += _line_varint((end_line or line) - line)
        out += _line_varint(column + 1)
        out += _line_varint(end_column + 1)
    return line


def _end(instruction: Instruction) -> int:
    return instruction.offset + instruction.size + 2 * opcodes.CACHES.get(instruction.op, 0)


def _zigzag(value: int) -> int:
    return -value << 1 | 1 if value < 0 else value << 1


def _line_varint(value: int) -> bytes:
    """Six bits a byte, lowest first."""
    out = bytearray()
    while value > 63:
        out.append(value & 63 | 64)
        value >>= 6
    out.append(value)
    return bytes(out)


def _table_varint(value: int, *, start: bool = False) -> bytes:
    """Six bits a byte, highest first; the first byte of a row is marked."""
    out = [value & 63]
    value >>= 6
    while value:
        out.append(value & 63 | 64)
        value >>= 6
    out.reverse()
    if start:
        out[0] |= 128
    return bytes(out)
