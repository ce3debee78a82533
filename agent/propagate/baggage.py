"""W3C Baggage, kept in OpenTelemetry's context, where the application reads and changes it with OpenTelemetry's API."""

import re
import urllib.parse
from collections.abc import Mapping
from typing import Final

HEADER: Final = "baggage"
_MAX_MEMBERS: Final = 64
_MAX_BYTES: Final = 8192
_KEY: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")


def parse(value: object) -> dict[str, str]:
    """The members within the limits; malformed ones, and properties, are left out."""
    found: dict[str, str] = {}
    if not isinstance(value, str):
        return found
    size = 0
    for member in value.split(","):
        size += len(member) + 1
        if len(found) >= _MAX_MEMBERS or size > _MAX_BYTES + 1:
            break  # a member is taken whole or not at all
        key, equals, rest = member.partition(";")[0].partition("=")
        key, rest = key.strip(" \t"), rest.strip(" \t")
        if equals and _KEY.fullmatch(key) and _VALUE.fullmatch(rest):
            found[key] = urllib.parse.unquote(rest)
    return found


def text(members: Mapping[str, object]) -> str:
    """The header with the members that fit in the limits; empty for none."""
    parts: list[str] = []
    size = -1
    for key, value in members.items():
        part = f"{key}={urllib.parse.quote(str(value), safe='')}"
        if not _KEY.fullmatch(key) or size + 1 + len(part) > _MAX_BYTES:
            continue
        if len(parts) == _MAX_MEMBERS:
            break
        parts.append(part)
        size += 1 + len(part)
    return ",".join(parts)
