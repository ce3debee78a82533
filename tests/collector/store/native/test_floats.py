"""Numbers as text, beside Python's own shortest digits and, in test_rows, beside ClickHouse."""

import struct
from decimal import Decimal
from random import Random
from types import ModuleType

import numpy as np
import pytest

from support.otlp_random import ODD_DOUBLES, double, integer

SIZE = 25


@pytest.fixture(scope="module")
def floats() -> ModuleType:
    from weftline.collector.store.native import floats

    return floats


def written(write, number: int) -> str:
    out = np.full(SIZE + 8, 0x23, np.uint8)
    end = write(out, 0, number)
    assert end <= SIZE
    return bytes(out[:end]).decode()


def as_clickhouse(number: float) -> str:
    """From 1e-6 on and below 1e21 all digits, else an exponent without plus; from repr, whose digits are the shortest."""
    if number != number or number in (float("inf"), float("-inf")):
        return str(number)
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + int(exponent)
    minus = "-" if sign else ""
    if number == 0:
        return minus + "0"
    text = text.lstrip("0")
    if 0 < point <= 21:
        whole, rest = text[:point].ljust(point, "0"), text[point:]
        return minus + whole + (f".{rest}" if rest else "")
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    return f"{minus}{text[0]}{'.' if text[1:] else ''}{text[1:]}e{point - 1}"


@pytest.mark.parametrize("number", ODD_DOUBLES)
def test_odd_doubles(floats: ModuleType, number: float) -> None:
    assert written(floats.write_double, struct.unpack("<q", struct.pack("<d", number))[0]) == as_clickhouse(number)


def test_doubles_are_the_shortest_that_read_back(floats: ModuleType) -> None:
    chance = Random(5)
    for _ in range(20_000):
        number = double(chance)
        assert written(floats.write_double, struct.unpack("<q", struct.pack("<d", number))[0]) == as_clickhouse(number)


def test_every_power_of_two_and_ten(floats: ModuleType) -> None:
    for number in [2.0**n for n in range(-1074, 1024)] + [float(f"1e{n}") for n in range(-323, 309)]:
        assert written(floats.write_double, struct.unpack("<q", struct.pack("<d", number))[0]) == as_clickhouse(number)


def test_integers(floats: ModuleType) -> None:
    chance = Random(6)
    for number in (0, 9, 10, -9, -10, 2**63 - 1, -(2**63), *(integer(chance) for _ in range(5_000))):
        assert written(floats.write_integer, number) == str(number)
