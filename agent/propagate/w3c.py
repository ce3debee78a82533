"""W3C Trace Context, levels 1 and 2: `traceparent` and `tracestate`. Whatever breaks a rule is as good as absent."""

import re
from typing import Final

_VERSION_00: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})").fullmatch
_HIGHER_VERSION: Final = re.compile(
    r"(?!00|ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
).fullmatch
_MEMBER: Final = re.compile(
    r"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_KNOWN_FLAGS: Final = 0x03
_FLAGS: Final = {f"{flags:02x}": flags & _KNOWN_FLAGS for flags in range(256)}
_MAX_MEMBERS: Final = 32
_MAX_LENGTH: Final = 4096
"""Characters of tracestate passed on; the rules ask for 512 at least."""
_LONG_MEMBER: Final = 128


def parse(traceparent: object) -> tuple[int, int, int] | None:
    """Trace id, parent's span id and flags (the two known bits) of a valid header; None of any other.

    Higher versions are read as far as they agree with version 00; `ff`, all-zero ids, upper case and version 00
    with anything behind the flags are invalid.
    """
    if traceparent is None:
        return None
    try:
        match = _VERSION_00(traceparent) or _HIGHER_VERSION(traceparent)  # type: ignore[call-overload] # see below
    except TypeError:  # requests lets applications set headers as bytes
        return None
    if match is None:
        return None
    trace_id, span_id, flags = match.groups()
    trace, span = int(trace_id, 16), int(span_id, 16)
    return (trace, span, _FLAGS[flags]) if trace and span else None


def traceparent(trace_id: int, span_id: int, flags: int) -> str:
    """The header in version 00."""
    # half of what an f-string costs
    return "00-%032x-%016x-%02x" % (trace_id, span_id, flags & _KNOWN_FLAGS)  # noqa: UP031


def tracestate(text: str | None) -> str:
    """The list to pass on: as it came when it is valid, cut by the rules when it is very long, else empty."""
    if not text:
        return ""
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    keys = {member.partition("=")[0] for member in members}
    if len(members) > _MAX_MEMBERS or len(keys) < len(members):
        return ""
    if not all(_MEMBER.fullmatch(member) for member in members):
        return ""
    for shed in (_LONG_MEMBER, 0):  # the long ones first, then from the right
        while sum(map(len, members)) + len(members) > _MAX_LENGTH:
            last = next((i for i in range(len(members) - 1, -1, -1) if len(members[i]) > shed), None)
            if last is None:
                break
            del members[last]
    return ",".join(members)
