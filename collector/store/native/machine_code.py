"""Compiles functions with numba, and what numba has no words for: unaligned loads and stores, 128-bit products.

A function is compiled when its module is imported, once, for the types that it is annotated with: left to itself numba
compiles it again for every constant that it is called with.

Compiled code does not check bounds: whoever loads or stores has looked before if there is room (`wire`, `columns`). All
integers are int64; numba would turn a mix of signed and unsigned into floats.
"""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core import config as numba_config
from numba.extending import intrinsic

from weftline.collector.store.native.cache_folder import choose

Array = np.ndarray[Any, Any]
Bytes = Annotated[Array, types.uint8[::1]]
Numbers = Annotated[Array, types.int64[::1]]
Function = TypeVar("Function", bound=Callable[..., Any])
Typed = tuple[Any, Callable[..., Any]]
"""What an intrinsic returns: its signature, and what generates its code."""


config = cast("Any", numba_config)  # its attributes are made at run time
function_of = cast("Any", cgutils.get_or_insert_function)  # has no types

FOLDER = choose(os.environ)
COMPILED = FOLDER / f"{numba.__version__}-{sys.implementation.cache_tag}-{platform.machine()}"
"""Exists once all is compiled. Where it was another processor, numba sees it and compiles again."""


def type_of(annotation: Any) -> Any:
    """Numba's type for what stands at a parameter: int, bool, an `Array` with its type, a NamedTuple of these."""
    if annotation in (int, bool):
        return types.int64 if annotation is int else types.boolean
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[1]
    fields = [type_of(it) for it in get_type_hints(annotation, include_extras=True).values()]
    return types.NamedTuple(fields, annotation)  # type: ignore[no-untyped-call]  # half of numba has types


def machine_code(function: Function) -> Function:
    """Other threads go on while the code runs. Arrays are lent: never counted or freed."""
    return _compiled(function, inline=False)


def inlined(function: Function) -> Function:
    """As `machine_code`, for what is small and called many times a span."""
    return _compiled(function, inline=True)


def _compiled(function: Function, *, inline: bool) -> Function:
    hints = get_type_hints(function, include_extras=True)
    signature = tuple(type_of(it) for name, it in hints.items() if name != "return")
    # `_nrt`: no reference counts, so also nothing that would allocate.
    options: dict[str, Any] = {"_nrt": False, "nogil": True, "cache": True, "boundscheck": False}
    with _set(CACHE_DIR=str(FOLDER), LOOP_VECTORIZE=0, SLP_VECTORIZE=0):
        return cast("Function", numba.njit(signature, error_model="numpy", forceinline=inline, **options)(function))


@contextmanager
def _set(**ours: Any) -> Iterator[None]:
    """Numba's settings while a function of ours is compiled. Vector instructions would only make it longer."""
    theirs = {name: getattr(config, name) for name in ours}
    vars(config).update(ours)
    try:
        yield
    finally:
        vars(config).update(theirs)


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any, kind: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.bitcast(builder.gep(array.data, [arguments[1]]), kind.as_pointer())


@intrinsic
def _load8(_: Any, array: Any, at: Any) -> Typed:
    """Eight bytes from ``at`` on, little-endian, as an int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(_pointer(context, builder, signature, arguments, ir.IntType(64)))
        value.align = 1
        return value

    return types.int64(array, at), generate


@intrinsic
def _prefetch(_: Any, array: Any, at: Any) -> Typed:
    """Have the memory around ``at`` brought near while other work goes on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments, ir.IntType(8))
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        function = function_of(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, number(0), number(3), number(1)])  # to read, soon, data
        return context.get_dummy_value()

    return types.void(array, at), generate


@intrinsic
def _store8(_: Any, array: Any, at: Any, value: Any) -> Typed:
    """The eight bytes of an int64, little-endian, from ``at`` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        stored = builder.store(arguments[2], _pointer(context, builder, signature, arguments, ir.IntType(64)))
        stored.align = 1
        return context.get_dummy_value()

    return types.void(array, at, types.int64), generate


@intrinsic
def _store4(_: Any, array: Any, at: Any, value: Any) -> Typed:
    """The four lower bytes of an int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lower = builder.trunc(arguments[2], ir.IntType(32))
        stored = builder.store(lower, _pointer(context, builder, signature, arguments, ir.IntType(32)))
        stored.align = 1
        return context.get_dummy_value()

    return types.void(array, at, types.int64), generate


@intrinsic
def _product_to_odd(_: Any, high: Any, low: Any, factor: Any) -> Typed:
    """Bits 128 and up of ``(high << 64 | low) * factor``, unsigned; the last is 1 too if bits 65 to 127 aren't 0."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        wide, word = ir.IntType(128), ir.IntType(64)
        upper, lower, factor = (builder.zext(it, wide) for it in arguments)
        of_lower = builder.lshr(builder.mul(lower, factor), wide(64))
        total = builder.add(builder.mul(upper, factor), of_lower)
        above_one = builder.icmp_unsigned(">", builder.trunc(total, word), word(1))
        return builder.or_(builder.trunc(builder.lshr(total, wide(64)), word), builder.zext(above_one, word))

    return types.int64(types.int64, types.int64, types.int64), generate


# What callers see of them, and of numba's int64.
load8 = cast("Callable[[Array, int], int]", _load8)
store8 = cast("Callable[[Array, int, int], None]", _store8)
prefetch = cast("Callable[[Array, int], None]", _prefetch)
store4 = cast("Callable[[Array, int, int], None]", _store4)
product_to_odd = cast("Callable[[int, int, int], int]", _product_to_odd)
signed = cast("Callable[[Any], int]", np.int64)
