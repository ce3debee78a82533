"""Texts that come often, by number: what ClickHouse's LowCardinality columns are made of.

A hash table a dictionary (open addressing, half full at the most); the texts stand as Strings in the dictionary's
column. Number 0 is the empty text.
"""

from weftline.collector.store.native.columns import Column, Memory, copy, full, leave, write_varint
from weftline.collector.store.native.machine_code import Bytes, inlined, load8, machine_code
from weftline.collector.store.native.redact import kind_of_key

_TEXTS = int(Column.DICTIONARIES)
_MANY_PROBES = 256
"""No hash table of this size is so unlucky: somebody chose these texts."""
_M1 = -7046029254386353131  # 0x9E3779B97F4A7C15, xxHash's and others' odd constants
_M2 = -4417276706812531889  # 0xC2B2AE3D27D4EB4F


@inlined
def _hash(source: Bytes, p: int, size: int) -> int:
    h = size * _M2
    i = 0
    while i + 8 <= size:
        h = (h ^ load8(source, p + i)) * _M1
        h ^= (h >> 32) & 0xFFFFFFFF
        i += 8
    if i < size:
        h = (h ^ (load8(source, p + i) & ((1 << (8 * (size - i))) - 1))) * _M1
        h ^= (h >> 32) & 0xFFFFFFFF
    h *= _M2
    return h ^ ((h >> 29) & 0x7FFFFFFFF)


@inlined
def _same(out: Bytes, a: int, source: Bytes, b: int, size: int) -> bool:
    i = 0
    while i + 8 <= size:
        if load8(out, a + i) != load8(source, b + i):
            return False
        i += 8
    if i < size:
        return bool((load8(out, a + i) ^ load8(source, b + i)) & ((1 << (8 * (size - i))) - 1) == 0)
    return True


@machine_code
def _add(m: Memory, dictionary: int, slot: int, source: Bytes, p: int, size: int) -> int:
    number = m.counts[dictionary]
    if number >= m.starts.shape[1]:
        m.ended[0] = 3
        m.ended[1] = dictionary
        return -1
    column = _TEXTS + dictionary
    if m.at[column] + size + 10 > m.end[column]:
        full(m, column)
        return -1
    q = write_varint(m.out, m.at[column], size)
    m.at[column] = copy(m.out, q, source, p, size)
    m.slots[dictionary, slot] = number
    m.starts[dictionary, number] = q
    m.sizes[dictionary, number] = size
    m.kinds[dictionary, number] = kind_of_key(source, p, size)
    m.counts[dictionary] = number + 1
    return int(number)


@machine_code
def number_of(m: Memory, dictionary: int, source: Bytes, p: int, size: int) -> int:
    """Of ``size`` bytes from ``p`` of ``source`` on; a new one if they are new. -1: the walk has ended."""
    if size == 0:
        return 0
    mask = m.slots.shape[1] - 1
    slot = _hash(source, p, size) & mask
    probes = 0
    while True:
        number = m.slots[dictionary, slot]
        if number == 0:
            break
        if m.sizes[dictionary, number] == size and _same(m.out, m.starts[dictionary, number], source, p, size):
            return int(number)
        probes += 1
        if probes > _MANY_PROBES:
            leave(m)
            return -1
        slot = (slot + 1) & mask
    return _add(m, dictionary, slot, source, p, size)
