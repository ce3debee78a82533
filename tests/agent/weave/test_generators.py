"""Generators and async generators with `pause` and `resume`: at each yield the consumer has its own context."""

import asyncio
import contextvars
import gc
import importlib
import sys
import types
from typing import Any

import pytest

from support import weave_targets
from weftline.agent import counters
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import swap

HERE: contextvars.ContextVar[str] = contextvars.ContextVar("HERE", default="consumer")
SEEN: list[str] = []


def enter() -> str:
    SEEN.append("enter")
    HERE.set("inside")
    return "token"


def pause(token: Any) -> None:
    SEEN.append("pause")
    assert (token, HERE.get()) == ("token", "inside")
    HERE.set("consumer")


def resume(token: Any) -> None:
    SEEN.append("resume")
    assert (token, HERE.get()) == ("token", "consumer")
    HERE.set("inside")


def leave(token: Any, result: Any) -> None:
    SEEN.append("leave")
    HERE.set("consumer")


def error(token: Any, exception: BaseException) -> None:
    SEEN.append(type(exception).__name__)
    HERE.set("consumer")


ADVICE = Advice(enter, leave, error, pause, resume)


@pytest.fixture
def target() -> types.ModuleType:
    SEEN.clear()
    HERE.set("consumer")
    return importlib.reload(weave_targets)


def weave(function: Any, advice: Advice = ADVICE, **cut: Any) -> Any:
    swap.weave(function, Pointcut("test", function.__qualname__, advice, **{"kind": "client", **cut}), advice)
    return function


def outside() -> str:
    return HERE.get()


def test_the_consumer_never_sees_the_context(target: Any) -> None:
    seen = [(value, outside()) for value in weave(target.inside_of)(HERE.get)]
    assert seen == [("inside", "consumer"), ("inside", "consumer"), ("inside", "consumer")]
    assert outside() == "consumer"
    assert ["enter", *["pause", "resume"] * 3, "leave"] == SEEN


def test_the_value_of_the_generator_is_kept(target: Any) -> None:
    weave(target.gen)
    generator = target.gen(2)
    assert [next(generator), next(generator)] == [0, 1]
    with pytest.raises(StopIteration) as ended:
        next(generator)
    assert ended.value.value == "end"


def test_send_throw_and_close(target: Any) -> None:
    generator = weave(target.gsend)()
    assert next(generator) == 1
    assert generator.send(4) == 8
    assert outside() == "consumer"
    assert generator.throw(ValueError()) == "caught"
    assert outside() == "consumer"
    generator.close()
    assert outside() == "consumer"
    assert ["enter", *["pause", "resume"] * 3, "GeneratorExit"] == SEEN


def test_what_is_thrown_in_meets_the_context(target: Any) -> None:
    generator = weave(target.cleans_up)(HERE.get)
    next(generator)
    with pytest.raises(KeyError) as thrown:
        generator.throw(KeyError("k"))
    assert target.CLEANED == ["inside"]
    assert thrown.value.__context__ is None
    assert [frame.name for frame in thrown.traceback[1:]] == ["cleans_up"]
    assert SEEN == ["enter", "pause", "resume", "KeyError"]
    assert sys.exc_info() == (None, None, None)


def test_a_generator_that_is_let_go(target: Any) -> None:
    generator = weave(target.cleans_up)(HERE.get)
    next(generator)
    del generator
    gc.collect()
    assert target.CLEANED == ["inside"]
    assert SEEN == ["enter", "pause", "resume", "GeneratorExit"]


def test_a_yield_within_an_expression(target: Any) -> None:
    """Its stack holds values of the function's own when it yields."""
    generator = weave(target.yields_deep)()
    assert [next(generator), generator.send(10), generator.send(20)] == [1, 2, 3]
    with pytest.raises(StopIteration) as ended:
        generator.send(30)
    assert ended.value.value == ["a", 10, [20, (30,)]]
    assert ["enter", *["pause", "resume"] * 3, "leave"] == SEEN


def test_yields_in_loops_with_blocks_and_handlers(target: Any) -> None:
    got = list(weave(target.yields_everywhere)([1, 0, 2]))
    assert got == ["open", 10.0, "no", 5.0, "end", "closed"]
    assert outside() == "consumer"


def test_async_generators_pause_at_yields_only(target: Any) -> None:
    async def consume() -> list[tuple[str, str]]:
        return [(value, outside()) async for value in weave(target.awaits_and_yields)(HERE.get)]

    assert asyncio.run(consume()) == [("inside", "consumer"), ("inside", "consumer")]
    assert ["enter", *["pause", "resume"] * 2, "leave"] == SEEN


def test_async_asend_athrow_aclose(target: Any) -> None:
    weave(target.agsend)

    async def drive() -> list[Any]:
        made = target.agsend()
        out = [await made.__anext__(), await made.asend(4)]
        await made.aclose()
        thrown = target.agsend()
        await thrown.__anext__()
        with pytest.raises(KeyError):
            await thrown.athrow(KeyError())
        return [*out, outside()]

    assert asyncio.run(drive()) == [1, 8, "consumer"]
    assert SEEN == [
        "enter",
        "pause",
        "resume",
        "pause",
        "resume",
        "GeneratorExit",
        "enter",
        "pause",
        "resume",
        "KeyError",
    ]


@pytest.mark.parametrize("which", ["pause", "resume"])
def test_a_hook_that_fails_is_contained(target: Any, which: str) -> None:
    def fails(token: Any) -> None:
        raise LookupError

    def nothing(*args: Any) -> None:
        pass

    hooks = {"pause": nothing, "resume": nothing, which: fails}
    weave(target.gsend, Advice(nothing, nothing, nothing, **hooks))
    weave(target.yields_deep, Advice(nothing, None, None, **hooks))
    generator = target.gsend()
    assert [next(generator), generator.send(4), generator.throw(ValueError())] == [1, 8, "caught"]
    generator.close()
    deep = target.yields_deep()
    assert [next(deep), deep.send(10), deep.send(20)] == [1, 2, 3]
    assert counters.total("contained") == {"pause": 6, "resume": 5}[which]
    assert sys.exc_info() == (None, None, None)


def test_an_interrupt_in_a_hook_meets_the_functions_own_cleanup(target: Any) -> None:
    def interrupts(token: Any) -> None:
        raise KeyboardInterrupt

    weave(target.cleans_up, Advice(enter, leave, error, interrupts, resume))
    with pytest.raises(KeyboardInterrupt):
        next(target.cleans_up(HERE.get))
    assert target.CLEANED == ["inside"]


def test_yield_from_is_refused(target: Any) -> None:
    before = target.gdeleg.__code__
    with pytest.raises(swap.Refused, match="yield from"):
        weave(target.gdeleg)
    assert target.gdeleg.__code__ is before


def test_coroutines_and_functions_never_pause(target: Any) -> None:
    weave(target.acomplex)
    assert asyncio.run(target.acomplex()) == [0, 1, 2]
    HERE.set("consumer")
    weave(target.plain)
    target.plain(1)
    assert SEEN == ["enter", "leave"] * 2
