"""Reads protobuf's wire format. Every position returned is within the message read, or -1.

What is legal and unusual (a varint longer than needed, groups) is -1 too: such a batch is ClickHouse's to decode.
"""

from weftline.collector.store.native.machine_code import Bytes, inlined, machine_code, signed


@inlined
def read_varint(b: Bytes, p: int, e: int) -> tuple[int, int]:
    """(value, position behind it); the value is negative from 2^63 on."""
    if p >= e:
        return 0, -1
    byte = signed(b[p])
    p += 1
    if byte < 128:
        return byte, p
    value = byte & 127
    shift = 7
    while p < e and shift < 64:
        byte = signed(b[p])
        p += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if byte == 0 or (shift == 63 and byte > 1):
                return 0, -1
            return value, p
        shift += 7
    return 0, -1


@inlined
def read_size(b: Bytes, p: int, e: int) -> tuple[int, int]:
    """(bytes that follow, position of the first); they all stand before ``e``."""
    size, p = read_varint(b, p, e)
    if p < 0 or size < 0 or size > e - p:
        return 0, -1
    return size, p


@machine_code
def skip(b: Bytes, p: int, e: int, tag: int, known: int) -> int:
    """Behind the field whose ``tag`` ends at ``p``. ``known``: bits of the fields the caller has tags for."""
    number = tag >> 3
    if number <= 0 or number > 536_870_911 or (number < 32 and (known >> number) & 1):
        return -1
    wire_type = tag & 7
    if wire_type == 0:
        _, p = read_varint(b, p, e)
        return p
    if wire_type == 2:
        size, p = read_size(b, p, e)
        return p + size if p >= 0 else -1
    if wire_type == 1:
        return p + 8 if e - p >= 8 else -1
    if wire_type == 5:
        return p + 4 if e - p >= 4 else -1
    return -1
