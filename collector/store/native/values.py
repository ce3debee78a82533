"""Attributes' values as text: strings as they are, numbers and booleans as JSON has them, lists and maps as JSON, bytes
as base64. As `insert/any_value.sql` says it in SQL; what lies deeper than one level is null, as there.
"""

import numpy as np

from weftline.collector.store.native.columns import Memory, copy, full, has_room, leave, write_varint
from weftline.collector.store.native.floats import write_double, write_integer
from weftline.collector.store.native.machine_code import Bytes, inlined, load8, machine_code, signed
from weftline.collector.store.native.redact import CREDENTIAL, URL, without_secrets, write_instead
from weftline.collector.store.native.wire import read_size, read_varint

_STRING, _BOOL, _INT, _DOUBLE, _ARRAY, _KVLIST, _BYTES = 10, 16, 24, 33, 42, 50, 58
"""Tags of AnyValue."""
_KEY, _VALUE = 10, 18
_BASE64 = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
_HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)
_SHORT = np.zeros(256, np.uint8)
_SHORT[[8, 9, 10, 12, 13, 34, 47, 92]] = list(b'btnfr"/\\')
"""What stands behind the backslash in JSON."""


@inlined
def write_word(out: Bytes, q: int, a: int, b: int, c: int, d: int) -> int:
    out[q] = a
    out[q + 1] = b
    out[q + 2] = c
    out[q + 3] = d
    return q + 4


@machine_code
def _write_json(out: Bytes, q: int, b: Bytes, p: int, size: int) -> int:
    """A text as ClickHouse's toJSONString writes it; bytes that are no UTF-8 stay as they are."""
    e = p + size
    out[q] = 34
    q += 1
    while p < e:
        byte = b[p]
        if _SHORT[byte] != 0:
            out[q] = 92
            out[q + 1] = _SHORT[byte]
            q += 2
        elif byte < 32:
            q = write_word(out, q, 92, 117, 48, 48)
            out[q] = _HEX[byte >> 4]
            out[q + 1] = _HEX[byte & 15]
            q += 2
        elif byte == 0xE2 and p + 2 < e and b[p + 1] == 0x80 and (b[p + 2] == 0xA8 or b[p + 2] == 0xA9):
            # Line and paragraph separator, which JavaScript does not allow in a text.
            q = write_word(out, q, 92, 117, 50, 48)
            out[q] = 50
            out[q + 1] = 56 if b[p + 2] == 0xA8 else 57
            q += 2
            p += 2
        else:
            out[q] = byte
            q += 1
        p += 1
    out[q] = 34
    return q + 1


@inlined
def type_of_value(b: Bytes, p: int, e: int) -> int:
    """Of an AnyValue: 1 int, 2 double, 3 bool, as `attribute_types` numbers them; 0 for all that is kept as text."""
    if p == e:
        return 0
    tag = b[p]
    if tag == _INT:
        return 1
    if tag == _DOUBLE:
        return 2
    return 3 if tag == _BOOL else 0


@machine_code
def _write_number(out: Bytes, q: int, b: Bytes, p: int, e: int) -> int:
    tag = b[p]
    p += 1
    if tag == _DOUBLE:
        return write_double(out, q, load8(b, p)) if e - p == 8 else -1
    value, p = read_varint(b, p, e)
    if p != e:
        return -1
    if tag == _INT:
        return write_integer(out, q, value)
    if value == 1:
        return write_word(out, q, 116, 114, 117, 101)  # true
    if value == 0:
        q = write_word(out, q, 102, 97, 108, 115)  # false
        out[q] = 101
        return q + 1
    return -1


@machine_code
def _write_leaf(out: Bytes, q: int, b: Bytes, p: int, e: int) -> int:
    if p == e:
        return write_word(out, q, 110, 117, 108, 108)  # null
    tag = b[p]
    if tag == _BOOL or tag == _INT or tag == _DOUBLE:
        return _write_number(out, q, b, p, e)
    if tag != _STRING and tag != _ARRAY and tag != _KVLIST and tag != _BYTES:
        return -1
    size, p = read_size(b, p + 1, e)
    if p < 0 or p + size != e:
        return -1
    if tag == _STRING:
        return _write_json(out, q, b, p, size)
    return write_word(out, q, 110, 117, 108, 108)


@machine_code
def _write_pair(out: Bytes, q: int, b: Bytes, p: int, e: int) -> int:
    key = 0
    size = 0
    if p < e and b[p] == _KEY:
        size, key = read_size(b, p + 1, e)
        if key < 0:
            return -1
        p = key + size
    q = _write_json(out, q, b, key, size)
    out[q] = 58
    q += 1
    if p == e:
        return _write_leaf(out, q, b, p, p)
    if b[p] != _VALUE:
        return -1
    size, p = read_size(b, p + 1, e)
    if p < 0 or p + size != e:
        return -1
    return _write_leaf(out, q, b, p, e)


@machine_code
def _write_all(out: Bytes, q: int, b: Bytes, p: int, e: int, pairs: bool) -> int:
    """An ArrayValue as a JSON list, or a KeyValueList as a JSON map."""
    out[q] = 123 if pairs else 91
    q += 1
    first = True
    while p < e:
        if b[p] != _KEY:
            return -1
        size, p = read_size(b, p + 1, e)
        if p < 0:
            return -1
        if not first:
            out[q] = 44
            q += 1
        first = False
        q = _write_pair(out, q, b, p, p + size) if pairs else _write_leaf(out, q, b, p, p + size)
        if q < 0:
            return -1
        p += size
    out[q] = 125 if pairs else 93
    return q + 1


@machine_code
def _write_base64(out: Bytes, q: int, b: Bytes, p: int, e: int) -> int:
    while p < e:
        left = e - p
        word = signed(b[p]) << 16
        if left > 1:
            word |= signed(b[p + 1]) << 8
        if left > 2:
            word |= signed(b[p + 2])
        out[q] = _BASE64[word >> 18]
        out[q + 1] = _BASE64[(word >> 12) & 63]
        out[q + 2] = _BASE64[(word >> 6) & 63] if left > 1 else 61
        out[q + 3] = _BASE64[word & 63] if left > 2 else 61
        q += 4
        p += 3
    return q


@machine_code
def _write(out: Bytes, q: int, b: Bytes, p: int, e: int) -> int:
    """The position behind the text, -1 if the value is not one that is known."""
    if p == e:
        return q
    tag = b[p]
    if tag == _BOOL or tag == _INT or tag == _DOUBLE:
        return _write_number(out, q, b, p, e)
    if tag != _STRING and tag != _ARRAY and tag != _KVLIST and tag != _BYTES:
        return -1
    size, p = read_size(b, p + 1, e)
    if p < 0 or p + size != e:
        return -1
    if tag == _STRING:
        return copy(out, q, b, p, size)
    if tag == _BYTES:
        return _write_base64(out, q, b, p, e)
    if size == 0:
        return q
    return _write_all(out, q, b, p, e, tag == _KVLIST)


@machine_code
def put_value(m: Memory, column: int, p: int, e: int, kind: int) -> bool:
    """Append the text of the AnyValue from ``p`` to ``e`` as a String; ``kind`` is that of its key."""
    # The most that a byte becomes is an escape of six; lists' commas and the lengths of short ones are in the rest.
    if not has_room(m, column, 6 * (e - p) + 64):
        return full(m, column)
    start = m.at[column]
    out = m.out
    if kind == 0 and p < e and m.source[p] == _STRING:
        size, p = read_size(m.source, p + 1, e)
        if p < 0 or p + size != e:
            return leave(m)
        q = write_varint(out, start, size)
        m.at[column] = copy(out, q, m.source, p, size)
        return True
    q = _write(out, start + 5, m.source, p, e)
    if q < 0:
        return leave(m)
    if kind == CREDENTIAL:
        q = write_instead(out, start + 5)
    elif kind == URL:
        q = without_secrets(m, start + 5, q)
        if q < 0:
            return False
    size = q - start - 5
    q = write_varint(out, start, size)
    m.at[column] = copy(out, q, out, start + 5, size) if q < start + 5 else q + size
    return True
