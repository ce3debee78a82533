"""From the first byte of concatenated ExportTraceServiceRequests to the last: one row a span, appended to the columns.

Field numbers are opentelemetry-proto's (trace/v1, resource/v1, common/v1). What is not asked for is skipped; what is
not as every protobuf writer writes it (a field twice, a resource behind its spans) ends the walk, and so does a span
without valid ids.
"""

from weftline.collector.store.native.attributes import put_pair
from weftline.collector.store.native.columns import Column, Dictionary, Memory, leave, put4, put8, repeat
from weftline.collector.store.native.dictionaries import number_of
from weftline.collector.store.native.machine_code import Numbers, machine_code
from weftline.collector.store.native.redact import SERVICE_NAME
from weftline.collector.store.native.span import put_span
from weftline.collector.store.native.wire import read_size, read_varint, skip

# numba knows numbers, and no enumerations.
_TIME, _SERVICE = int(Column.TIME), int(Column.SERVICE)
_SCOPE_NAME, _SCOPE_VERSION = int(Column.SCOPE_NAME), int(Column.SCOPE_VERSION)
_SCOPE_KEYS, _SCOPE_VALUES, _SCOPE_ENDS = int(Column.SCOPE_KEYS), int(Column.SCOPE_VALUES), int(Column.SCOPE_ENDS)
_RESOURCE_KEYS, _RESOURCE_VALUES = int(Column.RESOURCE_KEYS), int(Column.RESOURCE_VALUES)
_RESOURCE_ENDS = int(Column.RESOURCE_ENDS)
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
            value = m.at[_RESOURCE_VALUES]
            kind = put_pair(m, p, p + length, _OF_RESOURCES, _RESOURCE_KEYS, _RESOURCE_VALUES)
            if kind < 0:
                return -1
            if kind == SERVICE_NAME and not named:
                named = True
                end = m.at[_RESOURCE_VALUES]
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
                if put_pair(m, p, p + length, _OF_SCOPES, _SCOPE_KEYS, _SCOPE_VALUES) < 0:
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
def _scope_spans(
    m: Memory,
    p: int,
    e: int,
    starts: Numbers,
    service: int,
    before: int,
    keys: int,
    keys_end: int,
    values: int,
    values_end: int,
) -> bool:
    """ScopeSpans: scope = 1, spans = 2.

    The resource's pairs stand from ``keys`` and ``values`` on. There they are its first span's, the one at ``before``;
    for every other one they are repeated. So it is with the scope's.
    """
    scope_keys, scope_values = m.at[_SCOPE_KEYS], m.at[_SCOPE_VALUES]
    scope_keys_end, scope_values_end = scope_keys, scope_values
    first = m.at[_TIME]
    name = 0
    version = 0
    scopes = 0
    while p < e:
        tag, p = read_varint(m.source, p, e)
        if p < 0:
            return leave(m)
        if tag == 18:
            length, p = read_size(m.source, p, e)
            if p < 0:
                return leave(m)
            at = m.at[_TIME]
            if at > first:
                if not repeat(m, _SCOPE_KEYS, scope_keys, scope_keys_end):
                    return False
                if not repeat(m, _SCOPE_VALUES, scope_values, scope_values_end):
                    return False
            if at > before:
                if not repeat(m, _RESOURCE_KEYS, keys, keys_end):
                    return False
                if not repeat(m, _RESOURCE_VALUES, values, values_end):
                    return False
            if not put_span(m, p, p + length, starts):
                return False
            put4(m, _SERVICE, service)
            put4(m, _SCOPE_NAME, name)
            put4(m, _SCOPE_VERSION, version)
            put8(m, _SCOPE_ENDS, (m.at[_SCOPE_KEYS] - starts[_SCOPE_KEYS]) >> 2)
            put8(m, _RESOURCE_ENDS, (m.at[_RESOURCE_KEYS] - starts[_RESOURCE_KEYS]) >> 2)
            p += length
        elif tag == 10:
            length, p = read_size(m.source, p, e)
            if p < 0 or scopes > 0 or m.at[_TIME] > first:
                return leave(m)
            scopes = 1
            name, version = _scope(m, p, p + length)
            if name < 0:
                return False
            scope_keys_end, scope_values_end = m.at[_SCOPE_KEYS], m.at[_SCOPE_VALUES]
            p += length
        else:
            p = skip(m.source, p, e, tag, 0b110)
            if p < 0:
                return leave(m)
    if m.at[_TIME] == first:  # a scope of no spans
        m.at[_SCOPE_KEYS], m.at[_SCOPE_VALUES] = scope_keys, scope_values
    return True


@machine_code
def _resource_spans(m: Memory, p: int, e: int, starts: Numbers) -> bool:
    """ResourceSpans: resource = 1, scope_spans = 2."""
    keys, values = m.at[_RESOURCE_KEYS], m.at[_RESOURCE_VALUES]
    keys_end, values_end = keys, values
    service = 0
    before = m.at[_TIME]
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
            keys_end, values_end = m.at[_RESOURCE_KEYS], m.at[_RESOURCE_VALUES]
            p += length
        elif tag == 18:
            length, p = read_size(m.source, p, e)
            if p < 0:
                return leave(m)
            scopes = 1
            if not _scope_spans(m, p, p + length, starts, service, before, keys, keys_end, values, values_end):
                return False
            p += length
        else:
            p = skip(m.source, p, e, tag, 0b110)
            if p < 0:
                return leave(m)
    if m.at[_TIME] == before:  # a resource of no spans
        m.at[_RESOURCE_KEYS], m.at[_RESOURCE_VALUES] = keys, values
    return True


@machine_code
def walk(m: Memory, size: int, starts: Numbers) -> int:
    """Append all spans of the first ``size`` bytes of the source; ``starts`` are those of `Column`'s stretches.

    Returns their number, or -1 with the reason in ``m.ended``.
    """
    p = 0
    while p < size:
        tag, p = read_varint(m.source, p, size)
        if p < 0 or tag != 10:
            leave(m)
            return -1
        length, p = read_size(m.source, p, size)
        if p < 0:
            leave(m)
            return -1
        if not _resource_spans(m, p, p + length, starts):
            return -1
        p += length
    return int((m.at[_TIME] - starts[_TIME]) >> 3)
