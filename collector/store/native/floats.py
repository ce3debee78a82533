"""The text of a double as ClickHouse's toString writes it: the shortest that reads back as the same number.

Schubfach (Raffaello Giulietti, "The Schubfach way to render doubles", 2021).
"""

import numpy as np

from weftline.collector.store.native.machine_code import Bytes, machine_code, product_to_odd

_SMALLEST = -292


def _powers() -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """10^-292 to 10^324, each with 128 bits, rounded up: (upper 64, lower 64)."""
    words = []
    for k in range(_SMALLEST, 325):
        exponent = ((k * 1741647) >> 19) - 127  # of the lowest bit
        above, below = 10 ** max(k, 0), 10 ** max(-k, 0)
        above, below = above << max(-exponent, 0), below << max(exponent, 0)
        g = -(-above // below)
        words.append((g >> 64, g & 0xFFFF_FFFF_FFFF_FFFF))
    return np.array(words, np.uint64).view(np.int64)


_POWERS = _powers()


@machine_code
def _shortest(c: int, q: int, closer_below: bool) -> tuple[int, int]:
    """(digits, exponent of ten) of c * 2^q."""
    odd = c & 1
    cbl = 4 * c - 2 + (1 if closer_below else 0)
    k = (q * 1262611 - (524031 if closer_below else 0)) >> 22
    h = q + ((-k * 1741647) >> 19) + 1
    high, low = _POWERS[-k - _SMALLEST, 0], _POWERS[-k - _SMALLEST, 1]
    lower = product_to_odd(high, low, cbl << h) + odd
    vb = product_to_odd(high, low, (4 * c) << h)
    upper = product_to_odd(high, low, (4 * c + 2) << h) - odd
    s = vb >> 2
    if s >= 10:
        sp = s // 10
        below_inside, above_inside = lower <= 40 * sp, 40 * sp + 40 <= upper
        if below_inside != above_inside:
            return sp + (1 if above_inside else 0), k + 1
    below_inside, above_inside = lower <= 4 * s, 4 * s + 4 <= upper
    if below_inside != above_inside:
        return s + (1 if above_inside else 0), k
    middle = 4 * s + 2
    round_up = vb > middle or (vb == middle and (s & 1) != 0)
    return s + (1 if round_up else 0), k


@machine_code
def write_digits(out: Bytes, q: int, value: int) -> int:
    """A number from 0 on in decimal; returns the position behind it."""
    size = 1
    rest = value
    while rest >= 10:
        rest //= 10
        size += 1
    i = q + size - 1
    while i >= q:
        rest = value // 10
        out[i] = 48 + value - 10 * rest
        value = rest
        i -= 1
    return q + size


@machine_code
def write_integer(out: Bytes, q: int, value: int) -> int:
    """Any int64 in decimal, 20 bytes at the most; returns the position behind it."""
    if value >= 0:
        return write_digits(out, q, value)
    out[q] = 45
    if value == -9223372036854775808:  # there is no positive one
        q = write_digits(out, q + 1, 922337203685477580)
        out[q] = 56
        return q + 1
    return write_digits(out, q + 1, -value)


@machine_code
def _write_word(out: Bytes, q: int, a: int, b: int, c: int) -> int:
    out[q] = a
    out[q + 1] = b
    out[q + 2] = c
    return q + 3


@machine_code
def _write_zeros(out: Bytes, q: int, count: int) -> int:
    for i in range(count):
        out[q + i] = 48
    return q + count


@machine_code
def _move_right(out: Bytes, q: int, end: int, by: int) -> None:
    i = end - 1
    while i >= q:
        out[i + by] = out[i]
        i -= 1


@machine_code
def write_double(out: Bytes, q: int, bits: int) -> int:
    """The double of these 64 bits, 25 bytes at the most; returns the position behind it."""
    exponent = (bits >> 52) & 2047
    fraction = bits & ((1 << 52) - 1)
    if exponent == 2047 and fraction != 0:
        return _write_word(out, q, 110, 97, 110)  # nan, whatever its sign
    if bits < 0:
        out[q] = 45
        q += 1
    if exponent == 2047:
        return _write_word(out, q, 105, 110, 102)  # inf
    if exponent == 0 and fraction == 0:
        out[q] = 48
        return q + 1
    if exponent == 0:
        digits, tens = _shortest(fraction, -1074, False)
    else:
        digits, tens = _shortest(fraction | (1 << 52), exponent - 1075, fraction == 0 and exponent > 1)
    while digits % 10 == 0:
        digits //= 10
        tens += 1
    end = write_digits(out, q, digits)
    size = end - q
    point = size + tens  # where the decimal point stands, from the first digit on
    if 0 < point <= 21 and tens >= 0:
        return _write_zeros(out, end, tens)
    if 0 < point <= 21:
        _move_right(out, q + point, end, 1)
        out[q + point] = 46
        return end + 1
    if -6 < point <= 0:
        _move_right(out, q, end, 2 - point)
        _write_zeros(out, q, 2 - point)
        out[q + 1] = 46
        return end + 2 - point
    if size > 1:
        _move_right(out, q + 1, end, 1)
        out[q + 1] = 46
        end += 1
    out[end] = 101
    return write_integer(out, end + 1, point - 1)
