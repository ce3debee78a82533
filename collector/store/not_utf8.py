"""Strings that are not UTF-8, as the driver returns them: bytes.

OTLP's strings are UTF-8, but not every producer keeps to it, and neither ClickHouse's protobuf nor its driver insists.
"""

from typing import Any


def holds_bytes(value: Any) -> bool:
    """Whether there is a bytes object anywhere in a row of the driver (tuples, lists, dicts)."""
    match value:
        case str() | int():
            return False
        case bytes():
            return True
        case dict():
            return any(map(holds_bytes, value)) or any(map(holds_bytes, value.values()))
        case tuple() | list():
            return any(map(holds_bytes, value))
    return False


def text(value: Any) -> Any:
    """The same row with every bytes object as text, what is not UTF-8 spelt out (``\\xe9``)."""
    match value:
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case dict():
            return {text(key): text(item) for key, item in value.items()}
        case tuple():
            return tuple(map(text, value))
        case list():
            return list(map(text, value))
    return value
