"""Span, Event, Link and Status (opentelemetry-proto trace/v1): one row and those of its nested columns."""

from weftline.collector.store.native.attributes import put_pair
from weftline.collector.store.native.columns import (
    Column,
    Dictionary,
    Memory,
    full,
    has_room,
    leave,
    put1,
    put4,
    put8,
    put_id,
    put_string,
)
from weftline.collector.store.native.dictionaries import number_of
from weftline.collector.store.native.machine_code import Numbers, load8, machine_code
from weftline.collector.store.native.wire import read_size, read_varint, skip

# numba knows numbers, and no enumerations.
_TIME, _DURATION, _FLAGS = int(Column.TIME), int(Column.DURATION), int(Column.FLAGS)
_TRANSACTION_ID, _SPAN_ID = int(Column.TRANSACTION_ID), int(Column.SPAN_ID)
_PARENT_SPAN_ID = int(Column.PARENT_SPAN_ID)
_KIND, _STATUS, _NAME = int(Column.KIND), int(Column.STATUS), int(Column.NAME)
_TRACE_STATE, _STATUS_MESSAGE = int(Column.TRACE_STATE), int(Column.STATUS_MESSAGE)
_ATTRIBUTE_ENDS, _TYPE_ENDS = int(Column.ATTRIBUTE_ENDS), int(Column.TYPE_ENDS)
_EVENT_ENDS, _LINK_ENDS = int(Column.EVENT_ENDS), int(Column.LINK_ENDS)
_ATTRIBUTE_KEYS, _ATTRIBUTE_VALUES = int(Column.ATTRIBUTE_KEYS), int(Column.ATTRIBUTE_VALUES)
_TYPE_KEYS = int(Column.TYPE_KEYS)
_EVENT_TIME, _EVENT_NAME = int(Column.EVENT_TIME), int(Column.EVENT_NAME)
_EVENT_ATTRIBUTE_ENDS = int(Column.EVENT_ATTRIBUTE_ENDS)
_EVENT_KEYS, _EVENT_VALUES = int(Column.EVENT_KEYS), int(Column.EVENT_VALUES)
_LINK_TRACE_ID, _LINK_SPAN_ID = int(Column.LINK_TRACE_ID), int(Column.LINK_SPAN_ID)
_LINK_ATTRIBUTE_ENDS = int(Column.LINK_ATTRIBUTE_ENDS)
_LINK_KEYS, _LINK_VALUES = int(Column.LINK_KEYS), int(Column.LINK_VALUES)
_NAMES, _EVENT_NAMES = int(Dictionary.NAME), int(Dictionary.EVENT_NAME)
_OF_SPANS, _OF_EVENTS = int(Dictionary.ATTRIBUTE_KEYS), int(Dictionary.EVENT_KEYS)
_OF_LINKS = int(Dictionary.LINK_KEYS)
_KNOWN = 0b1101_0101_1111_1111_0
"""Fields 1 to 9, 11, 13, 15 and 16."""


@machine_code
def _event(m: Memory, p: int, e: int, starts: Numbers) -> bool:
    """Event: time_unix_nano = 1, name = 2, attributes = 3."""
    if not has_room(m, _EVENT_TIME, 8):
        return full(m, _EVENT_TIME)
    b = m.source
    time = 0
    name = 0
    seen = 0
    while p < e:
        tag, p = read_varint(b, p, e)
        if p >= 0 and tag == 26:
            length, p = read_size(b, p, e)
            if p < 0:
                return leave(m)
            if put_pair(m, p, p + length, _OF_EVENTS, _EVENT_KEYS, _EVENT_VALUES) < 0:
                return False
            p += length
        elif p >= 0 and tag == 9:
            if e - p < 8 or seen & 1:
                return leave(m)
            seen |= 1
            time = load8(b, p)
            if time < 0:
                return leave(m)
            p += 8
        elif p >= 0 and tag == 18:
            length, p = read_size(b, p, e)
            if p < 0 or seen & 2:
                return leave(m)
            seen |= 2
            name = number_of(m, _EVENT_NAMES, b, p, length)
            if name < 0:
                return False
            p += length
        else:
            p = skip(b, p, e, tag, 0b1110) if p >= 0 else -1
            if p < 0:
                return leave(m)
    put8(m, _EVENT_TIME, time)
    put4(m, _EVENT_NAME, name)
    put8(m, _EVENT_ATTRIBUTE_ENDS, (m.at[_EVENT_KEYS] - starts[_EVENT_KEYS]) >> 2)
    return True


@machine_code
def _status(m: Memory, p: int, e: int) -> tuple[int, int, int]:
    """Status: message = 2, code = 3. Returns the code, and where the message stands; code -1 at an end."""
    code = 0
    message = 0
    size = 0
    seen = 0
    while p < e:
        tag, p = read_varint(m.source, p, e)
        if p >= 0 and tag == 18:
            length, p = read_size(m.source, p, e)
            if p >= 0 and seen & 1 == 0:
                seen |= 1
                message, size = p, length
                p += length
                continue
            p = -1
        elif p >= 0 and tag == 24:
            value, p = read_varint(m.source, p, e)
            if p >= 0 and seen & 2 == 0 and 0 <= value <= 2:
                seen |= 2
                code = value
                continue
            p = -1
        elif p >= 0:
            p = skip(m.source, p, e, tag, 0b1100)
        if p < 0:
            leave(m)
            return -1, 0, 0
    return code, message, size


@machine_code
def _link(m: Memory, p: int, e: int, starts: Numbers) -> bool:
    """Link: trace_id = 1, span_id = 2, attributes = 4. An id that is missing is zeros."""
    if not has_room(m, _LINK_SPAN_ID, 8):
        return full(m, _LINK_SPAN_ID)
    b = m.source
    trace_id = span_id = -1
    seen = 0
    while p < e:
        tag, p = read_varint(b, p, e)
        if p >= 0 and (tag == 10 or tag == 18 or tag == 34):
            length, p = read_size(b, p, e)
            if p < 0:
                return leave(m)
            if tag == 34:
                if put_pair(m, p, p + length, _OF_LINKS, _LINK_KEYS, _LINK_VALUES) < 0:
                    return False
            else:
                width = 16 if tag == 10 else 8
                if (seen >> tag) & 1 or (length != 0 and length != width):
                    return leave(m)
                seen |= 1 << tag
                if length > 0 and tag == 10:
                    trace_id = p
                elif length > 0:
                    span_id = p
            p += length
        else:
            p = skip(b, p, e, tag, 0b10110) if p >= 0 else -1
            if p < 0:
                return leave(m)
    put_id(m, _LINK_TRACE_ID, trace_id, 16)
    put_id(m, _LINK_SPAN_ID, span_id, 8)
    put8(m, _LINK_ATTRIBUTE_ENDS, (m.at[_LINK_KEYS] - starts[_LINK_KEYS]) >> 2)
    return True


@machine_code
def put_span(m: Memory, p: int, e: int, starts: Numbers) -> bool:
    """Span: appends all that is its own. The caller appends the resource's and the scope's, and has room for it."""
    if not has_room(m, _TIME, 8):
        return full(m, _TIME)
    b = m.source
    trace_id = span_id = parent = -1
    state = message = 0
    state_size = message_size = 0
    name = kind = status = flags = start = end = 0
    seen = 0
    while p < e:
        tag, p = read_varint(b, p, e)
        if p < 0:
            return leave(m)
        number = tag >> 3
        if tag == 74:
            length, p = read_size(b, p, e)
            if p < 0:
                return leave(m)
            if put_pair(m, p, p + length, _OF_SPANS, _ATTRIBUTE_KEYS, _ATTRIBUTE_VALUES) < 0:
                return False
            p += length
            continue
        if tag == 57 or tag == 65:  # start and end
            if e - p < 8:
                return leave(m)
            time = load8(b, p)
            p += 8
            if time < 0:
                return leave(m)
            if tag == 57:
                start = time
            else:
                end = time
        elif tag == 48:
            kind, p = read_varint(b, p, e)
            if p < 0 or kind < 0 or kind > 5:
                return leave(m)
        elif tag == 133:
            if e - p < 4:
                return leave(m)
            flags = load8(b, p) & 0xFFFFFFFF
            p += 4
        elif tag == 10 or tag == 18 or tag == 34 or tag == 26 or tag == 42 or tag == 90 or tag == 106 or tag == 122:
            length, p = read_size(b, p, e)
            if p < 0:
                return leave(m)
            if tag == 10:
                trace_id = p
                if length != 16 or (load8(b, p) | load8(b, p + 8)) == 0:
                    return leave(m)
            elif tag == 18:
                span_id = p
                if length != 8 or load8(b, p) == 0:
                    return leave(m)
            elif tag == 34:
                if length == 8:
                    parent = p
                elif length != 0:
                    return leave(m)
            elif tag == 26:
                state, state_size = p, length
            elif tag == 42:
                name = number_of(m, _NAMES, b, p, length)
                if name < 0:
                    return False
            elif tag == 90:
                if not _event(m, p, p + length, starts):
                    return False
            elif tag == 106:
                if not _link(m, p, p + length, starts):
                    return False
            else:
                status, message, message_size = _status(m, p, p + length)
                if status < 0:
                    return False
            p += length
            if tag == 90 or tag == 106:  # as many as there are
                continue
        else:
            p = skip(b, p, e, tag, _KNOWN)
            if p < 0:
                return leave(m)
            continue
        if (seen >> number) & 1:
            return leave(m)
        seen |= 1 << number
    if trace_id < 0 or span_id < 0:
        return leave(m)
    if not put_string(m, _TRACE_STATE, state, state_size):
        return False
    if not put_string(m, _STATUS_MESSAGE, message, message_size):
        return False
    put8(m, _TIME, start)
    put8(m, _DURATION, end - start if end > start else 0)
    put_id(m, _TRANSACTION_ID, trace_id, 16)
    put_id(m, _SPAN_ID, span_id, 8)
    put_id(m, _PARENT_SPAN_ID, parent, 8)
    put4(m, _FLAGS, flags)
    put1(m, _KIND, kind)
    put1(m, _STATUS, status)
    put4(m, _NAME, name)
    put8(m, _ATTRIBUTE_ENDS, (m.at[_ATTRIBUTE_KEYS] - starts[_ATTRIBUTE_KEYS]) >> 2)
    put8(m, _TYPE_ENDS, (m.at[_TYPE_KEYS] - starts[_TYPE_KEYS]) >> 2)
    put8(m, _EVENT_ENDS, (m.at[_EVENT_TIME] - starts[_EVENT_TIME]) >> 3)
    put8(m, _LINK_ENDS, (m.at[_LINK_SPAN_ID] - starts[_LINK_SPAN_ID]) >> 3)
    return True
