"""Run by other interpreters than the tests' own: weaves functions of every shape and runs them. Prints `ok N`."""

import asyncio
import importlib
import inspect
import sys
import types

from support import weave_targets as t
from weftline.agent import counters
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import guard, opcodes, swap
from weftline.agent.weave.rewrite import Hooks, rewrite
from weftline.agent.weave.verify import verify

calls = []
MODULES = ("argparse", "asyncio.base_events", "contextlib", "http.client", "logging", "subprocess", "tarfile", "typing")


def enter(*args):
    calls.append("enter")
    return "token"


def leave(token, result):
    calls.append("leave")


def error(token, exception):
    calls.append("error")


def pause(token):
    calls.append("pause")
    assert token == "token"


def resume(token):
    calls.append("resume")
    assert token == "token"


def fail(*args):
    raise LookupError


def exercise():
    """Runs every target; the same results woven and not."""
    generator = t.gen(3)
    next(generator)
    generator.close()
    sender = t.gsend()
    next(sender)
    results = [sender.send(5), sender.throw(ValueError("a"))]
    sender.close()

    async def asynchronous():
        made = t.agsend()
        await made.__anext__()
        sent = await made.asend(4)
        await made.aclose()
        task = asyncio.create_task(t.aslow())
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            sent += 1
        return sent, await t.aco(3), [x async for x in t.agen(3)], await t.acomplex()

    def stops():
        try:
            return list(t.gstop())
        except RuntimeError as caught:
            return str(caught)

    def raises():
        try:
            return t.deep_raise(0)
        except ZeroDivisionError as caught:
            return caught.__context__

    thrown = t.cleans_up(calls.copy)
    next(thrown)
    try:
        thrown.throw(KeyError("k"))
    except KeyError as caught:
        results.append(caught.__context__)
    deep = t.yields_deep()
    results += [next(deep), deep.send(10), deep.send(20), list(t.yields_everywhere([1, 0, 2]))]

    return [
        *results, list(t.gen(3)), list(t.gdeleg()), stops(), raises(), asyncio.run(asynchronous()), t.plain(1, c=5),
        t.fact(6), t.sig(1, 2, 3, k=4, z=5), t.cellarg(3)(), t.Sub().hello(), t.K2().meth(2), t.tf(0), t.tf(1),
        t.mw({"a": 1}), t.mw([1, 2]), t.exs(), t.nested_finally(), t.handles_and_returns(0), t.loops(5),
        t.returns_in_with(__file__), t.loc(1, 2),
    ]  # fmt: skip


def functions():
    for name, value in vars(t).items():
        if isinstance(value, types.FunctionType):
            yield name, value
    yield from (("K.meth", t.K.meth), ("K2.meth", t.K2.meth), ("Sub.hello", t.Sub.hello))


def corpus():
    count = 0
    for name in MODULES:
        waiting = [compile(inspect.getsource(importlib.import_module(name)), name, "exec", dont_inherit=True)]
        while waiting:
            code = waiting.pop()
            waiting += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
            if code.co_flags & inspect.CO_NEWLOCALS and code.co_flags & inspect.CO_OPTIMIZED:
                names = code.co_varnames[: code.co_argcount]
                verify(code, rewrite(code, Hooks("", enter, leave, error, guard.contained, names, names[:1])))
                count += 1
    return count


assert opcodes.SUPPORTED, sys.version
expected = exercise()
for advice in (Advice(enter), Advice(enter, leave), Advice(enter, None, error), Advice(enter, leave, error)):
    calls.clear()
    for name, function in functions():
        swap.weave(function, Pointcut("selftest", name, advice, kind="observe"), advice)
    assert exercise() == expected, advice
    assert sys.exc_info() == (None, None, None)
    if advice.leave and advice.error:
        assert calls.count("enter") == calls.count("leave") + calls.count("error"), calls
    swap.unweave_all()
pausing = Advice(enter, leave, error, pause, resume)
refused = []
calls.clear()
for name, function in functions():
    try:
        swap.weave(function, Pointcut("selftest", name, pausing, kind="client"), pausing)
    except swap.Refused as reason:
        refused.append((name, str(reason)))
t.CLEANED.clear()
assert exercise() == expected
assert refused == [("gdeleg", "not rewritable: `yield from` can't be paused")], refused
assert calls.count("pause") == calls.count("resume") > 20, calls
assert calls.count("enter") == calls.count("leave") + calls.count("error"), calls
swap.unweave_all()
opcodes.force_trampolines(forced=True)
calls.clear()
for name, function in functions():
    swap.weave(function, Pointcut("selftest", name, pausing, kind="client"), pausing)
assert exercise() == expected
assert calls.count("pause") == calls.count("resume") > 20, calls
assert calls.count("enter") == calls.count("leave") + calls.count("error"), calls
swap.unweave_all()
opcodes.force_trampolines(forced=False)
broken = Advice(fail, fail, fail, fail, fail)
for name, function in functions():
    if name != "gdeleg":
        swap.weave(function, Pointcut("selftest", name, broken, kind="observe"), broken)
assert exercise() == expected
assert counters.total("contained") > 50
print("ok", corpus())
