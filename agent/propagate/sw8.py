"""SkyWalking's `sw8`, version 3. Its trace ids are any strings, so one can only be an alias of the transaction."""

import base64
import binascii
from typing import Final

HEADER: Final = "sw8"
_FIELDS: Final = 8
_MAX_LENGTH: Final = 2048


def parse(value: object) -> str | None:
    """The trace id, as SkyWalking shows it; None of a header that breaks the rules."""
    if not isinstance(value, str) or len(value) > _MAX_LENGTH:
        return None
    fields = value.split("-")
    if len(fields) != _FIELDS or fields[0] not in ("0", "1"):
        return None
    try:
        trace_id = base64.b64decode(fields[1], validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return trace_id if trace_id and trace_id.isprintable() else None
