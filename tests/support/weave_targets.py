"""Functions of every shape, to be woven by the engine's tests: closures, generators, coroutines, nested handlers."""

# ruff: noqa: RET504, UP028, PERF401, TRY301, PTH123, SIM - the shapes are what is tested, not good style

import asyncio
import sys


def plain(a: int, b=2, *, c=3):
    "doc"
    x = a + b
    return x * c


def inner(x):
    return 1 / x


def deep_raise(x):
    y = 1
    z = (y, inner(x))
    return z


def fact(n):
    return 1 if n <= 1 else n * fact(n - 1)


def depth(n):
    return 0 if n <= 0 else depth(n - 1)


def mkclosure(n):
    def f(a):
        nonlocal n
        n += 1
        return n + a

    return f


class Base:
    def hello(self):
        return "base"


class Sub(Base):
    def hello(self):
        return super().hello() + "-sub"


def sig(a, /, b, *args, k=1, **kw):
    return (a, b, args, k, kw)


def cellarg(a):
    return lambda: a


def gen(n):
    for i in range(n):
        yield i
    return "end"


def gsend():
    x = yield 1
    try:
        yield x * 2
    except ValueError:
        yield "caught"


def gdeleg():
    r = yield from gen(3)
    yield r


def gstop():
    yield 1
    raise StopIteration


async def aco(x):
    await asyncio.sleep(0)
    return x * 2


async def aslow():
    await asyncio.sleep(10)


async def agen(n):
    for i in range(n):
        yield i


async def agsend():
    x = yield 1
    yield x * 2


class ACM:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *a):
        return False


async def acomplex():
    out = []
    async with ACM():
        async for x in agen(3):
            out.append(x)
    return out


class K:
    def meth(self, a, b=1):
        return a + b

    @staticmethod
    def stat(a):
        return a

    @classmethod
    def clsm(cls):
        return cls.__name__ if cls.__name__ != "K2" else "K"


class K2(K):
    def meth(self, a, b=1):
        return super().meth(a, b) + 100


def loc(a, b):
    return dict(locals())


def getf():
    return sys._getframe(1).f_code.co_name


def caller():
    return sys._getframe(1).f_code.co_name


def calls(function):
    return function()


def tf(n):
    try:
        if n:
            return n
        1 / n
    except ZeroDivisionError:
        try:
            raise KeyError
        except KeyError:
            return "fin"
    finally:
        n = 0


def mw(x):
    with open("/dev/null"):
        match x:
            case {"a": v}:
                return v
            case [_, v]:
                return v


def exs():
    out = []
    try:
        raise ExceptionGroup("g", [ValueError(1)])
    except* ValueError:
        out.append("V")
    return out


class Failure(Exception):
    pass


def fails():
    raise Failure


def nested_finally():
    """`bytecode`'s assembler gets the stack depths of this one wrong, and CPython 3.11 to 3.13 crash on it."""
    try:
        fails()
    except Failure:
        try:
            try:
                raise
            finally:
                raise
        except Failure:
            pass
    return 1


def handles_and_returns(x):
    try:
        return 10 / x
    except ZeroDivisionError as error:
        return repr(error)
    finally:
        x = None


def returns_in_with(path):
    with open(path) as file:
        for line in file:
            try:
                return len(line)
            finally:
                file.seek(0)
    return 0


def loops(n):
    total = 0
    while True:
        for i in range(n):
            if i % 2:
                continue
            if i > 10:
                break
            total += i
        else:
            return total
        n -= 1


def replaced(a, b, *rest, key=None, **more):
    return a, b, rest, key, more


def replaced_cell(a):
    return lambda: a


def inside_of(look):
    yield look()
    yield look()
    yield look()


CLEANED = []


def cleans_up(look):
    try:
        yield 1
    finally:
        CLEANED.append(look())


def yields_deep():
    return ["a", (yield 1), [(yield 2), ((yield 3),)]]


def yields_everywhere(values):
    with open("/dev/null") as file:
        yield "open"
        for value in values:
            try:
                result = 10 / value
            except ZeroDivisionError:
                yield "no"
            else:
                yield result
        yield "end"
    if file.closed:
        yield "closed"


async def awaits_and_yields(look):
    await asyncio.sleep(0)
    yield look()
    await asyncio.sleep(0)
    async with ACM():
        yield look()
