"""What the rewriter must know of the interpreter: opcode numbers, inline caches and jumps of CPython 3.11 to 3.13."""

import dis
import opcode
import sys
from typing import Final

VERSION: Final = sys.version_info[:2]
PROVEN: Final = ((3, 11), (3, 12), (3, 13))
"""The versions the rewriter passes CPython's own test suites on. On any other functions get a trampoline."""
SUPPORTED: Final = VERSION in PROVEN and sys.implementation.name == "cpython"
_trampolines = not SUPPORTED


def rewrites() -> bool:
    """Whether functions are woven by rewriting their bytecode."""
    return not _trampolines


def force_trampolines(*, forced: bool) -> None:
    """Weaves as on an interpreter that is not proven, whatever this one is: for trying it out."""
    global _trampolines  # noqa: PLW0603 - an interpreter has one engine
    _trampolines = forced or not SUPPORTED


def _caches() -> dict[int, int]:
    """Opcode to the number of two-byte cache entries that follow it."""
    entries = getattr(opcode, "_inline_cache_entries", ())
    if isinstance(entries, dict):  # 3.13: by name
        return {dis.opmap[name]: count for name, count in entries.items() if name in dis.opmap}
    return {number: count for number, count in enumerate(entries) if count}


CACHES: Final = _caches()
JUMPS: Final = frozenset(dis.hasjrel)
BACKWARD: Final = frozenset(number for number in JUMPS if "BACKWARD" in dis.opname[number])
JUMP_BASE_AFTER_CACHES: Final = VERSION >= (3, 12)
"""Whether a jump counts from behind its caches or from behind its own two bytes."""
NULL_AFTER_FUNCTION: Final = VERSION >= (3, 13)
"""Whether a call wants `function, NULL` on the stack or `NULL, function`."""
YIELD_HOLDS_DEPTH: Final = VERSION == (3, 12)
RESUME_HOLDS_SHORTCUT: Final = VERSION >= (3, 13)
"""Whether bit 2 of RESUME says that `close()` may skip the generator's handlers."""

ABSENT: Final = -1
"""Stands for an opcode this version does not have; equals none."""


def _number(name: str) -> int:
    return dis.opmap.get(name, ABSENT)


EXTENDED_ARG: Final = _number("EXTENDED_ARG")
NOP: Final = _number("NOP")
RESUME: Final = _number("RESUME")
YIELD_VALUE: Final = _number("YIELD_VALUE")
RETURN_VALUE: Final = _number("RETURN_VALUE")
RETURN_CONST: Final = _number("RETURN_CONST")
LOAD_CONST: Final = _number("LOAD_CONST")
LOAD_FAST: Final = _number("LOAD_FAST")
LOAD_DEREF: Final = _number("LOAD_DEREF")
STORE_FAST: Final = _number("STORE_FAST")
STORE_DEREF: Final = _number("STORE_DEREF")
UNPACK_SEQUENCE: Final = _number("UNPACK_SEQUENCE")
PUSH_NULL: Final = _number("PUSH_NULL")
PRECALL: Final = _number("PRECALL")
CALL: Final = _number("CALL")
POP_TOP: Final = _number("POP_TOP")
SWAP: Final = _number("SWAP")
COPY: Final = _number("COPY")
PUSH_EXC_INFO: Final = _number("PUSH_EXC_INFO")
POP_EXCEPT: Final = _number("POP_EXCEPT")
RERAISE: Final = _number("RERAISE")
JUMP_BACK: Final = _number("JUMP_BACKWARD_NO_INTERRUPT")
NO_WAY_ON: Final = frozenset(
    _number(name)
    for name in (
        "RETURN_VALUE", "RETURN_CONST", "RERAISE", "RAISE_VARARGS", "JUMP_FORWARD", "JUMP_BACKWARD",
        "JUMP_BACKWARD_NO_INTERRUPT", "INTERPRETER_EXIT",
    )
)  # fmt: skip
"""What the next instruction is never reached from."""
