"""The engine's own promises: containment, argument replacement, idempotence, refusal, unweaving, and the corpus."""

import asyncio
import importlib
import inspect
import logging
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from support import weave_targets
from weftline.agent import counters
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import guard, swap
from weftline.agent.weave.instructions import entries, parse
from weftline.agent.weave.rewrite import Hooks, rewrite
from weftline.agent.weave.verify import UnsoundError, verify

CALLS: list[Any] = []
CORPUS = (
    "argparse", "asyncio.base_events", "asyncio.selector_events", "asyncio.streams", "collections", "concurrent.futures.thread",
    "contextlib", "dataclasses", "email.message", "http.client", "http.server", "inspect", "json.decoder", "logging",
    "multiprocessing.pool", "pathlib", "pickle", "socketserver", "ssl", "subprocess", "tarfile", "tempfile", "threading",
    "traceback", "typing", "unittest.mock", "urllib.request", "zipfile",
)  # fmt: skip


def note(*args: Any) -> Any:
    CALLS.append(args)
    return "token"


def fail(*args: Any) -> Any:
    CALLS.append(args)
    raise LookupError("a defect in advice")


def interrupt(*args: Any) -> Any:
    raise KeyboardInterrupt


@pytest.fixture
def target() -> types.ModuleType:
    CALLS.clear()
    return importlib.reload(weave_targets)


def weave(function: Any, advice: Advice, **cut: Any) -> Pointcut:
    pointcut = Pointcut("test", function.__qualname__, advice, **{"kind": "observe", **cut})
    swap.weave(function, pointcut, advice)
    return pointcut


def test_stack_depths_of_nested_finally_are_kept(target: Any) -> None:
    weave(target.nested_finally, Advice(note, note, note))
    for _ in range(3):
        assert target.nested_finally() == 1
    assert sys.exc_info() == (None, None, None)


@pytest.mark.parametrize(
    "advice",
    [Advice(note), Advice(note, leave=note), Advice(note, error=note), Advice(note, note, note)],
    ids=["enter", "leave", "error", "all"],
)
def test_each_combination_of_hooks(target: Any, advice: Advice) -> None:
    for name in ("handles_and_returns", "loops", "returns_in_with", "nested_finally", "gen", "aco", "fails"):
        weave(getattr(target, name), advice)
    assert target.handles_and_returns(5) == 2
    assert target.handles_and_returns(0) == "ZeroDivisionError('division by zero')"
    assert target.loops(5) == 6
    assert target.returns_in_with(__file__) > 0
    assert target.nested_finally() == 1
    assert list(target.gen(2)) == [0, 1]
    assert asyncio.run(target.aco(2)) == 4
    with pytest.raises(target.Failure):
        target.fails()
    entered = CALLS.count(())
    assert entered == 9  # fails() also inside nested_finally
    assert sum(isinstance(call[-1], BaseException) for call in CALLS if call) == (2 if advice.error else 0)
    assert sum(not isinstance(call[-1], BaseException) for call in CALLS if call) == (7 if advice.leave else 0)


class TestContainment:
    """An exception in advice changes nothing for the program; it is counted, and logged once."""

    @pytest.mark.parametrize("where", ["enter", "leave", "error"])
    def test_the_function_does_as_before(self, target: Any, where: str, caplog: pytest.LogCaptureFixture) -> None:
        advice = Advice(**{"enter": note, "leave": note, "error": note, where: fail})
        pointcut = weave(target.handles_and_returns, advice)
        raising = weave(target.deep_raise, advice)
        for _ in range(2):
            assert target.handles_and_returns(5) == 2
            with pytest.raises(ZeroDivisionError) as caught:
                target.deep_raise(0)
            assert caught.value.__context__ is None
            assert [frame.name for frame in caught.traceback[1:]] == ["deep_raise", "inner"]
        counted = counters.snapshot()
        expected = {"enter": (2, 2), "leave": (2, 0), "error": (0, 2)}[where]
        assert (counted.get(("contained", pointcut.where), 0), counted.get(("contained", raising.where), 0)) == expected
        assert len(caplog.records) == len([n for n in expected if n])
        assert sys.exc_info() == (None, None, None)

    def test_leave_gets_none_for_a_token_that_failed(self, target: Any) -> None:
        weave(target.plain, Advice(fail, note, note))
        assert target.plain(1) == 9
        assert CALLS[-1] == (None, 9)

    def test_a_failing_enter_leaves_the_arguments(self, target: Any) -> None:
        weave(target.replaced, Advice(fail, note), args=("a",), replaces=("a",))
        assert target.replaced(1, 2)[:2] == (1, 2)

    def test_a_wrong_tuple_leaves_the_arguments(self, target: Any) -> None:
        weave(target.replaced, Advice(lambda a: a), args=("a",), replaces=("a",))
        assert target.replaced(1, 2)[:2] == (1, 2)
        assert counters.total("contained") == 1

    @pytest.mark.parametrize("where", ["enter", "leave"])
    def test_an_interrupt_is_not_ours_to_keep(self, target: Any, where: str) -> None:
        weave(target.plain, Advice(**{"enter": note, "leave": note, "error": note, where: interrupt}))
        with pytest.raises(KeyboardInterrupt):
            target.plain(1)
        assert sys.exc_info() == (None, None, None)

    def test_an_interrupt_in_error_replaces_the_exception(self, target: Any) -> None:
        weave(target.deep_raise, Advice(note, note, interrupt))

        def caught() -> BaseException:
            try:
                target.deep_raise(0)
            except BaseException as error:
                return error
            raise AssertionError

        assert isinstance(caught(), KeyboardInterrupt)
        assert sys.exc_info() == (None, None, None)

    def test_strict_raises(self, target: Any) -> None:
        guard.be_strict(True)
        weave(target.plain, Advice(fail, note, note))
        with pytest.raises(LookupError):
            target.plain(1)

    def test_generators_and_coroutines(self, target: Any) -> None:
        for name in ("gen", "aco", "agen", "gsend"):
            weave(getattr(target, name), Advice(fail, fail, fail))
        assert list(target.gen(2)) == [0, 1]
        assert asyncio.run(target.aco(2)) == 4
        generator = target.gsend()
        next(generator)
        generator.close()
        assert counters.total("contained") == 6


class TestArguments:
    """What `enter` gets, and what it may replace."""

    def test_named_arguments_only(self, target: Any) -> None:
        weave(target.replaced, Advice(note), args=("key", "a", "rest", "more"))
        target.replaced(1, 2, 3, key=4, z=5)
        assert CALLS == [(4, 1, (3,), {"z": 5})]

    def test_replacement(self, target: Any) -> None:
        def enter(a: int, key: Any) -> Any:
            return "new key", a * 10, "token"

        weave(target.replaced, Advice(enter, note), args=("a", "key"), replaces=("key", "a"))
        assert target.replaced(1, 2) == (10, 2, (), "new key", {})
        assert CALLS == [("token", (10, 2, (), "new key", {}))]

    def test_replacement_without_leave(self, target: Any) -> None:
        weave(target.replaced, Advice(lambda b: (b + 1, None)), args=("b",), replaces=("b",))
        assert target.replaced(1, 2)[:2] == (1, 3)

    def test_replacement_of_a_cell(self, target: Any) -> None:
        weave(target.replaced_cell, Advice(lambda a: (a + 1, None), note), args=("a",), replaces=("a",))
        assert target.replaced_cell(1)() == 2

    def test_an_argument_that_is_not_there(self, target: Any) -> None:
        with pytest.raises(swap.Refused, match="has no argument 'x'"):
            weave(target.plain, Advice(note), args=("x",))  # x is a local of plain


class TestSwap:
    """Weaving twice, taking it back, and leaving functions alone."""

    def test_the_same_cut_twice_is_one(self, target: Any) -> None:
        pointcut = weave(target.plain, Advice(note))
        assert swap.weave(target.plain, pointcut, pointcut.load_advice()) is False
        target.plain(1)
        assert len(CALLS) == 1

    def test_two_cuts_in_one_function(self, target: Any) -> None:
        weave(target.plain, Advice(note, note))
        weave(target.plain, Advice(note, note), scope="other")
        target.plain(1)
        assert len(CALLS) == 4

    def test_unweave_gives_the_very_code_object_back(self, target: Any) -> None:
        original = target.plain.__code__
        weave(target.plain, Advice(note))
        weave(target.plain, Advice(note), scope="other")
        assert swap.unweave(target.plain)
        assert target.plain.__code__ is original
        assert not swap.unweave(target.plain)

    def test_code_somebody_else_replaced_is_left_alone(self, target: Any) -> None:
        weave(target.plain, Advice(note))
        target.plain.__code__ = target.plain.__code__.replace(co_firstlineno=1)
        theirs = target.plain.__code__
        assert not swap.unweave(target.plain)
        with pytest.raises(swap.Refused):
            weave(target.plain, Advice(note), scope="other")
        assert target.plain.__code__ is theirs

    def test_generators_refuse_advice_that_attaches_context(self, target: Any) -> None:
        for name in ("gen", "agen"):
            with pytest.raises(swap.Refused, match="generator"):
                weave(getattr(target, name), Advice(note), kind="client")

    def test_find(self, target: Any) -> None:
        assert swap.find(target, "K.stat") is target.K.stat
        assert swap.find(target, "K.clsm") is target.K.clsm.__func__
        for missing, reason in (("K.nothing", "not there"), ("sys.maxsize", "not a function but a int")):
            with pytest.raises(swap.Refused, match=reason):
                swap.find(target, missing)

    def test_verify_rejects_damage(self, target: Any) -> None:
        code = target.handles_and_returns.__code__
        with pytest.raises(UnsoundError, match="stack"):
            verify(code, code.replace(co_stacksize=1))
        with pytest.raises(UnsoundError, match="co_names"):
            verify(code, code.replace(co_names=("other",)))
        with pytest.raises(UnsoundError, match="overlap"):
            verify(code, code.replace(co_code=code.co_code[:20]))


def functions(module: types.ModuleType) -> Iterator[types.CodeType]:
    """Every code object of a module, nested ones too."""
    source = inspect.getsource(module)
    waiting = [compile(source, module.__file__ or "", "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        waiting += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        if code.co_flags & inspect.CO_NEWLOCALS and code.co_flags & inspect.CO_OPTIMIZED:
            yield code


def test_corpus_every_function_of_the_standard_library_can_be_woven() -> None:
    count = handlers = 0
    for name in CORPUS:
        for code in functions(importlib.import_module(name)):
            names = code.co_varnames[: code.co_argcount]
            hooks = Hooks("corpus", note, note, note, guard.contained, args=names, replaces=names[:1])
            woven = rewrite(code, hooks)
            verify(code, woven)
            _same_but_for_hooks(code, woven)
            count += 1
            handlers += bool(code.co_exceptiontable)
    assert count > 2000
    assert handlers > 400


def _same_but_for_hooks(code: types.CodeType, woven: types.CodeType) -> None:
    """Each handler of the original is there, one slot deeper, and covers the same source positions or more."""
    _, before = parse(code)
    _, after = parse(woven)

    def targets(table: Any, at: Any, shift: int) -> set[tuple[Any, int, bool]]:
        return {(at[row.target].position, row.depth + shift, row.lasti) for row in table}

    originals = targets(entries(code), before, 1)
    kept = targets(entries(woven), after, 0)
    started = {row.target for row in entries(code) if row.start < _resume(before)}
    assert originals <= kept or started, code.co_qualname


def _resume(at: dict[int, Any]) -> int:
    from weftline.agent.weave import opcodes

    return next(offset for offset, instruction in at.items() if instruction.op == opcodes.RESUME)


def test_logging_of_a_contained_exception_names_the_place(target: Any, caplog: pytest.LogCaptureFixture) -> None:
    weave(target.plain, Advice(fail))
    with caplog.at_level(logging.WARNING, "weftline.agent"):
        target.plain(1)
    assert "where=test:plain" in caplog.text
    assert "a defect in advice" in caplog.text


class TestResult:
    """`returns`: what `leave` gives takes the result's place."""

    @staticmethod
    def swapped(token: Any, result: Any) -> Any:
        return [token, result]

    def test_functions_coroutines_and_generators(self, target: Any) -> None:
        for name in ("plain", "handles_and_returns", "aco", "gen", "nested_finally"):
            weave(getattr(target, name), Advice(note, self.swapped), returns=True)
        assert target.plain(1) == ["token", 9]
        assert target.handles_and_returns(5) == ["token", 2]
        assert asyncio.run(target.aco(2)) == ["token", 4]
        assert target.nested_finally() == ["token", 1]
        generator = target.gen(0)
        with pytest.raises(StopIteration) as ended:
            next(generator)
        assert ended.value.value == ["token", "end"]

    def test_a_leave_that_fails_leaves_the_result(self, target: Any) -> None:
        weave(target.plain, Advice(note, fail), returns=True)
        assert target.plain(1) == 9

    @pytest.mark.parametrize(("name", "advice"), [("plain", Advice(note)), ("agen", Advice(note, note))])
    def test_refused(self, target: Any, name: str, advice: Advice) -> None:
        with pytest.raises(swap.Refused):
            weave(getattr(target, name), advice, returns=True)
