"""What is written in C: a Python function in its place, wherever it was named, and everything put back."""

import _sqlite3
import _struct
import binascii
import inspect
import pickle
import sqlite3
import struct
import sys
import types
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from weftline.agent import counters
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import swap

CALLS: list[Any] = []


def note(*args: Any) -> Any:
    CALLS.append(args)
    return "token"


def fail(*args: Any) -> Any:
    raise LookupError


ALL = Advice(note, note, note)


@pytest.fixture(autouse=True)
def _calls() -> None:
    CALLS.clear()


@pytest.fixture
def user() -> Iterator[types.ModuleType]:
    """A loaded module that has said `from zlib import crc32`."""
    module = types.ModuleType("crcuser")
    module.crc32 = zlib.crc32  # type: ignore[attr-defined]
    sys.modules["crcuser"] = module
    yield module
    del sys.modules["crcuser"]


def weave(module: Any, target: str, advice: Advice = ALL, **cut: Any) -> Pointcut:
    pointcut = Pointcut(module.__name__, target, advice, **cut)
    assert swap.weave(swap.find(module, target), pointcut, advice)
    return pointcut


def test_a_function_everywhere_it_is_named_and_back(user: Any) -> None:
    original = zlib.crc32
    expected = original(b"abc", 7)
    weave(zlib, "crc32", args=("data", "value"))
    assert zlib.crc32 is user.crc32 is not original
    assert (zlib.crc32(b"abc", 7), user.crc32(b"abc")) == (expected, original(b"abc"))
    assert [(b"abc", 7), ("token", expected), (b"abc", 0), ("token", original(b"abc"))] == CALLS
    sys.modules["crcuser"].late = held = zlib.crc32  # type: ignore[attr-defined]
    swap.unweave_all()
    assert zlib.crc32 is user.crc32 is user.late is original
    CALLS.clear()
    assert held(b"abc", 7) == expected
    assert CALLS == []


def test_it_looks_like_the_original() -> None:
    original = zlib.crc32
    before = inspect.signature(original), original.__doc__, original.__name__, original.__module__
    weave(zlib, "crc32", args=("data",))
    now = zlib.crc32
    assert (inspect.signature(now), now.__doc__, now.__name__, now.__module__) == before
    assert pickle.loads(pickle.dumps(now)) is now
    with pytest.raises(TypeError):
        now(data=b"positional only")


def test_errors_go_on() -> None:
    weave(zlib, "crc32", args=("data",))
    with pytest.raises(TypeError) as raised:
        zlib.crc32("text")
    assert [("text",), ("token", raised.value)] == CALLS
    assert raised.value.__context__ is None


def test_replacing_arguments_and_the_result() -> None:
    def enter(data: bytes, value: int) -> Any:
        return data + b"!", value, "token"

    def leave(token: Any, result: int) -> tuple[Any, int]:
        return token, result

    expected = zlib.crc32(b"abc!")
    weave(zlib, "crc32", Advice(enter, leave), args=("data", "value"), replaces=("data", "value"), returns=True)
    assert zlib.crc32(b"abc") == ("token", expected)


@pytest.mark.parametrize("advice", [Advice(fail, fail, fail), Advice(note, fail), Advice(note, None, fail)])
def test_containment(advice: Advice) -> None:
    expected = zlib.crc32(b"abc")
    weave(zlib, "crc32", advice, args=("data",), replaces=("data",), returns=advice.leave is not None)
    assert zlib.crc32(b"abc") == expected
    with pytest.raises(TypeError):
        zlib.crc32("text")
    assert counters.total("contained") >= 1


@pytest.mark.filterwarnings("ignore:Passing more than 1 positional argument:DeprecationWarning")  # Python 3.13
def test_a_function_that_tells_no_signature() -> None:
    weave(_sqlite3, "connect", args=("database", "timeout"), signature="database, timeout, detect_types")
    assert sqlite3.connect is sqlite3.dbapi2.connect is _sqlite3.connect
    for connect in (sqlite3.connect, _sqlite3.connect):
        connect(":memory:").close()
        connect(":memory:", 3, isolation_level=None).close()
        connect(database=":memory:", timeout=2).close()
    assert [call for call in CALLS if call[0] == ":memory:"] == [
        (":memory:", None),
        (":memory:", 3),
        (":memory:", 2),
    ] * 2


@pytest.mark.filterwarnings("ignore:Passing more than 1 positional argument:DeprecationWarning")  # Python 3.13
def test_replacing_an_argument_that_was_left_out() -> None:
    class Mine(sqlite3.Connection):
        pass

    def enter(database: str, factory: Any) -> Any:
        return factory or Mine, None

    names = "database, timeout, detect_types, isolation_level, check_same_thread, factory"
    weave(_sqlite3, "connect", Advice(enter), args=("database", "factory"), replaces=("factory",), signature=names)
    for made in (sqlite3.connect(":memory:"), sqlite3.connect(":memory:", 5.0, 0, None, True)):
        assert type(made) is Mine
        made.close()
    own = sqlite3.connect(":memory:", factory=sqlite3.Connection)
    assert type(own) is sqlite3.Connection
    own.close()


def test_no_signature_at_all_is_refused() -> None:
    before = sqlite3.connect
    with pytest.raises(swap.Refused, match="tells no signature"):
        weave(_sqlite3, "connect", args=("database",))
    with pytest.raises(swap.Refused, match="has no argument 'other'"):
        weave(_sqlite3, "connect", args=("other",), signature="database")
    assert sqlite3.connect is before


def test_a_type_that_can_not_be_changed_is_refused() -> None:
    with pytest.raises(swap.Refused, match=r"Cursor is a type in C that can't be changed"):
        weave(_sqlite3, "Cursor.execute", args=("sql",), signature="sql")
    with pytest.raises(swap.Refused, match="not a function but a type"):
        weave(_sqlite3, "Cursor")


def test_a_subclass_in_its_place() -> None:
    original = _struct.Struct
    class_made_before = type("Before", (original,), {})
    weave(_struct, "Struct.pack", args=("self", "a"), signature="a", subclass=True)
    weave(_struct, "Struct.unpack", args=("self", "buffer"), subclass=True)
    assert struct.Struct is _struct.Struct is not original
    assert (struct.Struct.__name__, struct.Struct.__qualname__, struct.Struct.__module__) == (
        original.__name__, original.__qualname__, original.__module__,
    )  # fmt: skip
    made = struct.Struct("!H")
    assert made.unpack(made.pack(258)) == (258,)
    assert isinstance(made, original)
    assert [(made, 258), ("token", b"\1\2"), (made, b"\1\2"), ("token", (258,))] == CALLS
    assert class_made_before("!H").pack(1) == b"\0\1"
    assert len(CALLS) == 6
    swap.unweave_all()
    assert struct.Struct is _struct.Struct is original
    assert class_made_before.__bases__ == (original,)
    CALLS.clear()
    assert made.pack(1) == b"\0\1"
    assert CALLS == []


def test_a_c_function_as_a_method_of_a_python_class() -> None:
    module = types.ModuleType("holder")
    module.Holder = type("Holder", (), {"crc": binascii.crc32})  # type: ignore[attr-defined]
    weave(module, "Holder.crc", args=("data",))
    assert module.Holder().crc(b"a") == module.Holder.crc(b"a") == binascii.crc32(b"a")
    assert len(CALLS) == 4
    swap.unweave_all()
    assert vars(module.Holder)["crc"] is binascii.crc32


def test_the_same_cut_twice_is_one() -> None:
    pointcut = weave(zlib, "crc32", args=("data",))
    assert swap.weave(swap.find(zlib, "crc32"), pointcut, ALL) is False
    zlib.crc32(b"")
    assert len(CALLS) == 2


def test_two_cuts_of_one_function() -> None:
    original = zlib.crc32
    weave(zlib, "crc32", args=("data",))
    weave(zlib, "crc32", args=("value",), scope="other")
    zlib.crc32(b"a")
    assert [call for call in CALLS if len(call) == 1] == [(0,), (b"a",)]
    swap.unweave_all()
    assert zlib.crc32 is original
