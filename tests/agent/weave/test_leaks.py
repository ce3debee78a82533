"""A million woven calls leave nothing behind: no objects, no references to what the hooks are made of."""

import contextlib
import gc
import importlib
import sys
from typing import Any

import pytest

from support import weave_targets
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import opcodes, swap

ROUNDS = 100_000


class Token:
    """Counted while it lives."""

    alive = 0

    def __init__(self) -> None:
        Token.alive += 1

    def __del__(self) -> None:
        Token.alive -= 1


def enter(*args: Any) -> Any:
    return (*args, Token())


def leave(token: Any, result: Any) -> Any:
    return result


def nothing(*args: Any) -> None:
    pass


ALL = Advice(enter, leave, nothing, nothing, nothing)


@pytest.mark.parametrize("engine", ["rewrite", "trampoline"])
def test_a_million_calls(engine: str) -> None:
    target = importlib.reload(weave_targets)
    opcodes.force_trampolines(forced=engine == "trampoline")
    try:
        for name, cut in {
            "replaced": {"args": ("a",), "replaces": ("a",), "returns": True},
            "deep_raise": {"args": ("x",), "replaces": ("x",)},
            "gen": {"args": ("n",), "replaces": ("n",)},
        }.items():
            swap.weave(getattr(target, name), Pointcut("test", name, ALL, **cut), ALL)
    finally:
        opcodes.force_trampolines(forced=False)

    def turn(times: int) -> None:
        for _ in range(times):
            for _ in range(8):
                target.replaced(1, 2)
            with contextlib.suppress(ZeroDivisionError):
                target.deep_raise(0)
            generator = target.gen(2)
            next(generator)
            generator.close()

    turn(100)
    gc.collect()
    blocks, hooks = sys.getallocatedblocks(), [sys.getrefcount(hook) for hook in (enter, leave, nothing)]
    turn(ROUNDS if engine == "rewrite" else ROUNDS // 10)  # ten woven calls a turn
    gc.collect()
    assert Token.alive == 0
    assert [sys.getrefcount(hook) for hook in (enter, leave, nothing)] == hooks
    assert sys.getallocatedblocks() - blocks < 500
