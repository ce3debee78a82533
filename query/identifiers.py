"""What users paste to name a transaction, read generously: a transaction ID, a whole `traceparent`, any alias."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from weftline.agent import semconv

MAX_LENGTH: Final = 256
TRACE_ID: Final = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
SHORT_TRACE_ID: Final = re.compile(r"[0-9a-f]{16}", re.IGNORECASE)
TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", re.IGNORECASE)
NEARLY_TRACE_ID: Final = re.compile(r"(?=.*[a-f])([0-9a-f]{17,31}|[0-9a-f]{33,64})", re.IGNORECASE)
"""Has a letter: an order number of 20 decimal digits is nobody's broken trace id."""
HEADER: Final = re.compile(
    rf"\s*({semconv.TRACEPARENT}|{semconv.REQUEST_ID}|{semconv.TRANSACTION_ID})\s*:\s*(?=\S)", re.IGNORECASE
)
NO_TRACE: Final = "0" * 32


class MalformedIdError(ValueError):
    """This can't name a transaction; the text tells the user why."""


@dataclass(frozen=True, slots=True)
class Match:
    """What an id names."""

    transaction_id: str
    alias: str | None
    """The alias that led there; None where the transaction ID itself was given."""
    others: tuple[str, ...]
    """Further transactions of the same alias, newest first."""


def normalise(text: str) -> str:
    """The id in ``text``: blanks and a header's name taken off, the trace id out of a traceparent, 32 hex digits in
    lower case. Everything else stands as it is: an alias may be any string. Raises `MalformedIdError`."""
    given = HEADER.sub("", text, count=1).strip(" ")
    if not given.strip():
        raise MalformedIdError("The id is empty. Give a transaction ID, an x-request-id or another alias.")
    if len(given) > MAX_LENGTH:
        raise MalformedIdError(f"The id has {len(given)} characters; no id has more than {MAX_LENGTH}.")
    if not given.isprintable():
        raise MalformedIdError("The id contains control characters or line breaks; was more than the id copied?")
    if traceparent := TRACEPARENT.fullmatch(given):
        given = traceparent[1]
    if TRACE_ID.fullmatch(given):
        given = given.lower()
    if given == NO_TRACE:
        raise MalformedIdError("A transaction ID of zeros only means that there was none.")
    return given


def find(text: str, resolve: Callable[[str], Sequence[str]]) -> Match | None:
    """The transaction that ``text`` names, by `Reader.resolve`; None if it names none. Raises `MalformedIdError`."""
    given = normalise(text)
    found = resolve(given)
    if not found and SHORT_TRACE_ID.fullmatch(given):
        # 64-bit trace ids (B3, Jaeger's short form) are stored with leading zeros.
        given = given.lower().rjust(32, "0")
        found = resolve(given) if given != NO_TRACE else ()
    if not found:
        if NEARLY_TRACE_ID.fullmatch(given):
            raise MalformedIdError(
                f"No alias {given!r} is known, and it is no transaction ID: that has 32 hex digits, this has "
                f"{len(given)}. Was a digit lost or added in copying?"
            )
        return None
    first = given if given in found else found[0]
    return Match(
        transaction_id=first,
        alias=None if first == given else given,
        others=tuple(one for one in found if one != first),
    )
