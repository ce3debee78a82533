"""Attributes: KeyValues become pairs of a Map, and a span's that are no text have their types in another."""

from weftline.collector.store.native.columns import Column, Dictionary, Memory, full, has_room, leave, put1, put4
from weftline.collector.store.native.dictionaries import number_of
from weftline.collector.store.native.machine_code import machine_code, signed
from weftline.collector.store.native.redact import CREDENTIAL
from weftline.collector.store.native.values import put_value, type_of_value
from weftline.collector.store.native.wire import read_size, read_varint, skip

_OF_SPANS, _TYPE_KEYS, _TYPES = int(Dictionary.ATTRIBUTE_KEYS), int(Column.TYPE_KEYS), int(Column.TYPES)


@machine_code
def _put_type(m: Memory, key: int, p: int, e: int) -> bool:
    """Of the value from ``p`` to ``e``, whose key has the number ``key``; nothing for text."""
    type_ = type_of_value(m.source, p, e)
    if type_ == 0:
        return True
    if not has_room(m, _TYPE_KEYS, 4):
        return full(m, _TYPE_KEYS)
    if not has_room(m, _TYPES, 1):
        return full(m, _TYPES)
    put4(m, _TYPE_KEYS, key)
    put1(m, _TYPES, type_)
    return True


@machine_code
def put_pair(m: Memory, p: int, e: int, dictionary: int, keys: int, values: int) -> int:
    """KeyValue: key = 1, value = 2. Appends both; returns the kind of the key, -1 at an end."""
    key = 0
    size = 0
    value = 0
    value_end = 0
    seen = 0
    b = m.source
    while p < e:
        tag, p = read_varint(b, p, e)
        if p >= 0 and (tag == 10 or tag == 18):
            length, p = read_size(b, p, e)
            if p < 0 or (seen >> tag) & 1:
                leave(m)
                return -1
            seen |= 1 << tag
            if tag == 10:
                key, size = p, length
            else:
                value, value_end = p, p + length
            p += length
            continue
        p = skip(b, p, e, tag, 0b110) if p >= 0 else -1
        if p < 0:
            leave(m)
            return -1
    if not has_room(m, keys, 4):
        full(m, keys)
        return -1
    number = number_of(m, dictionary, b, key, size)
    if number < 0:
        return -1
    kind = signed(m.kinds[dictionary, number])
    if not put_value(m, values, value, value_end, kind):
        return -1
    put4(m, keys, number)
    if dictionary == _OF_SPANS and kind != CREDENTIAL and not _put_type(m, number, value, value_end):
        return -1
    return kind
