"""From the first byte of concatenated ExportTraceServiceRequests to the last: where each span stands, and whose it is.

Field numbers are opentelemetry-proto's (trace/v1, resource/v1, common/v1). What is not asked for is skipped; what is
not as every protobuf writer writes it (a field twice, a resource behind its spans) ends the walk. `rows` makes rows of
what it found.
"""

from weftline.collector.store.native.attributes import put_pair
from weftline.collector.store.native.columns import (
    ORIGIN_BYTES,
    Column,
    Dictionary,
    Memory,
    full,
    has_room,
    leave,
    put8,
    put_id,
)
from weftline.collector.store.native.dictionaries import number_of
from weftline.collector.store.native.machine_code import Numbers, load8, machine_code
from weftline.collector.store.native.redact import SERVICE_NAME
from weftline.collector.store.native.wire import read_size, read_varint, skip

# numba knows numbers, and no enumerations.
_START, _END = int(Column.PLACE_START), int(Column.PLACE_END)
_TRANSACTION_ID, _TIME = int(Column.PLACE_TRANSACTION_ID), int(Column.PLACE_TIME)
_ORIGIN, _ORIGINS = int(Column.PLACE_ORIGIN), int(Column.ORIGINS)
_KEYS, _VALUES = int(Column.ORIGIN_KEYS), int(Column.ORIGIN_VALUES)
_SERVICES, _SCOPE_NAMES = int(Dictionary.SERVICE), int(Dictionary.SCOPE_NAME)
_SCOPE_VERSIONS = int(Dictionary.SCOPE_VERSION)
_OF_SCOPES, _OF_RESOURCES = int(Dictionary.SCOPE_KEYS), int(Dictionary.RESOURCE_KEYS)


@machine_code
def _resource(m: Memory, p: int, e: int) -> int:
    """Resource: attributes = 1. Appends its map's pairs; returns the number of its service's name, -1 at an end."""
    service = 0
    named = False
    while p < e:
        tag, p = read_varint(m.source, p, e)
        if p >= 0 and tag == 10:
            length, p = read_size(m.source, p, e)
            if p < 0:
                leave(m)
                return -1
            value = m.at[_VALUES]
            kind = put_pair(m, p, p + length, _OF_RESOURCES, _KEYS, _VALUES)
            if kind < 0:
                return -1
            if kind == SERVICE_NAME and not named:
                named = True
                end = m.at[_VALUES]
                length_of, first = read_varint(m.out, value, end)
                service = number_of(m, _SERVICES, m.out, first, length_of)
                if service < 0:
                    return -1
            p += length
            continue
        p = skip(m.source, p, e, tag, 0b10) if p >= 0 else -1
        if p < 0:
            leave(m)
            return -1
    return service


@machine_code
def _scope(m: Memory, p: int, e: int) -> tuple[int, int]:
    """InstrumentationScope: name = 1, version = 2, attributes = 3. Returns the first two's numbers, -1 at an end."""
    name = 0
    version = 0
    seen = 0
    while p < e:
        tag, p = read_varint(m.source, p, e)
        if p >= 0 and (tag == 10 or tag == 18 or tag == 26):
            length, p = read_size(m.source, p, e)
            if p < 0 or (tag != 26 and (seen >> tag) & 1):
                leave(m)
                return -1, -1
            seen |= 1 << tag
            if tag == 26:
                if put_pair(m, p, p + length, _OF_SCOPES, _KEYS, _VALUES) < 0:
                    return -1, -1
            elif tag == 10:
                name = number_of(m, _SCOPE_NAMES, m.source, p, length)
            else:
                version = number_of(m, _SCOPE_VERSIONS, m.source, p, length)
            if name < 0 or version < 0:
                return -1, -1
            p += length
            continue
        p = skip(m.source, p, e, tag, 0b1110) if p >= 0 else -1
        if p < 0:
            leave(m)
            return -1, -1
    return name, version


@machine_code
def _span(m: Memory, p: int, e: int, origin: int) -> bool:
    """Span: of its fields only those that say which row comes first: trace_id = 1, start_time_unix_nano = 7."""
    if not has_room(m, _START, 8):
        return full(m, _START)
    start = p
    trace_id = -1
    time = 0
    while p < e:
        tag, p = read_varint(m.source, p, e)
        if p < 0:
            return leave(m)
        if tag == 10:
            length, p = read_size(m.source, p, e)
            if p < 0 or length != 16:
                return leave(m)
            trace_id = p
            p += length
        elif tag == 57:
            if e - p < 8:
                return leave(m)
            time = load8(m.source, p)
            break
        else:
            p = skip(m.source, p, e, tag, 0)
            if p < 0:
                return leave(m)
    put8(m, _START, start)
    put8(m, _END, e)
    put_id(m, _TRANSACTION_ID, trace_id, 16)
    put8(m, _TIME, time)
    put8(m, _ORIGIN, origin)
    return True


@machine_code
def _scope_spans(
    m: Memory, p: int, e: int, service: int, keys: int, keys_end: int, values: int, values_end: int
) -> bool:
    """ScopeSpans: scope = 1, spans = 2. The resource's pairs stand from ``keys`` and ``values`` on."""
    scope_keys, scope_values = m.at[_KEYS], m.at[_VALUES]
    name = 0
    version = 0
    scopes = 0
    origin = -1
    while p < e:
        tag, p = read_varint(m.source, p, e)
        if p < 0:
            return leave(m)
        if tag == 18:
            length, p = read_size(m.source, p, e)
            if p < 0:
                return leave(m)
            if origin < 0:
                if not has_room(m, _ORIGINS, ORIGIN_BYTES):
                    return full(m, _ORIGINS)
                origin = m.at[_ORIGINS]
                put8(m, _ORIGINS, service)
                put8(m, _ORIGINS, keys)
                put8(m, _ORIGINS, keys_end)
                put8(m, _ORIGINS, values)
                put8(m, _ORIGINS, values_end)
                put8(m, _ORIGINS, name)
                put8(m, _ORIGINS, version)
                put8(m, _ORIGINS, scope_keys)
                put8(m, _ORIGINS, m.at[_KEYS])
                put8(m, _ORIGINS, scope_values)
                put8(m, _ORIGINS, m.at[_VALUES])
            if not _span(m, p, p + length, origin):
                return False
            p += length
        elif tag == 10:
            length, p = read_size(m.source, p, e)
            if p < 0 or scopes > 0 or origin >= 0:
                return leave(m)
            scopes = 1
            name, version = _scope(m, p, p + length)
            if name < 0:
                return False
            p += length
        else:
            p = skip(m.source, p, e, tag, 0b110)
            if p < 0:
                return leave(m)
    return True


@machine_code
def _resource_spans(m: Memory, p: int, e: int) -> bool:
    """ResourceSpans: resource = 1, scope_spans = 2."""
    keys, values = m.at[_KEYS], m.at[_VALUES]
    keys_end, values_end = keys, values
    service = 0
    resources = 0
    scopes = 0
    while p < e:
        tag, p = read_varint(m.source, p, e)
        if p < 0:
            return leave(m)
        if tag == 10:
            length, p = read_size(m.source, p, e)
            if p < 0 or resources > 0 or scopes > 0:
                return leave(m)
            resources = 1
            service = _resource(m, p, p + length)
            if service < 0:
                return False
            keys_end, values_end = m.at[_KEYS], m.at[_VALUES]
            p += length
        elif tag == 18:
            length, p = read_size(m.source, p, e)
            if p < 0:
                return leave(m)
            scopes = 1
            if not _scope_spans(m, p, p + length, service, keys, keys_end, values, values_end):
                return False
            p += length
        else:
            p = skip(m.source, p, e, tag, 0b110)
            if p < 0:
                return leave(m)
    return True


@machine_code
def walk(m: Memory, size: int, starts: Numbers) -> int:
    """Find all spans of the first ``size`` bytes of the source; ``starts`` are those of `Column`'s stretches.

    Returns their number, or -1 with the reason in ``m.ended``.
    """
    p = 0
    while p < size:
        m.ended[2] = p
        tag, p = read_varint(m.source, p, size)
        if p < 0 or tag != 10:
            leave(m)
            return -1
        length, p = read_size(m.source, p, size)
        if p < 0:
            leave(m)
            return -1
        if not _resource_spans(m, p, p + length):
            return -1
        p += length
    return int((m.at[_START] - starts[_START]) >> 3)
