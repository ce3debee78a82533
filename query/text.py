"""Makes sure that rows hold text only, as `Reader` promises, whatever the senders sent.

OTLP's strings are UTF-8, but not every sender keeps to it, and neither ClickHouse's protobuf nor its driver insists:
such a value comes back as bytes, and one of them would make its whole transaction unreadable.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from weftline.collector.store.protocol import Reader, Row


class TextReader:
    """A `Reader` over another one, whose bytes become text (``\\xff`` spelt out)."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def resolve(self, any_id: str) -> Sequence[str]:
        return self._reader.resolve(any_id)

    def transaction(self, transaction_id: str, limit: int) -> Sequence[Row]:
        return [_text(row) if _has_bytes(row) else row for row in self._reader.transaction(transaction_id, limit)]

    def services(self) -> Sequence[str]:
        return [_text(service) for service in self._reader.services()]

    def check(self) -> None:
        self._reader.check()

    def close(self) -> None:
        self._reader.close()


def _has_bytes(value: object) -> bool:
    match value:
        case str() | int():
            return False
        case bytes():
            return True
        case Mapping():
            return any(_has_bytes(key) or _has_bytes(item) for key, item in value.items())
        case Sequence():
            return any(map(_has_bytes, value))
    return any(_has_bytes(getattr(value, field.name)) for field in dataclasses.fields(value))  # type: ignore[arg-type]  # a row


def _text(value: Any) -> Any:
    match value:
        case str() | int():
            return value
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case Mapping():
            return {_text(key): _text(item) for key, item in value.items()}
        case Sequence():
            return [_text(item) for item in value]
    return dataclasses.replace(
        value, **{field.name: _text(getattr(value, field.name)) for field in dataclasses.fields(value)}
    )
