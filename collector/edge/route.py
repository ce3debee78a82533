"""What an HTTP receiver is made of: paths, the content types each takes, and how it answers.

A receiver's module builds `Route`s; `http_app` reads bodies, enforces the limits and calls them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from weftline.collector.edge.admission import Hold
from weftline.collector.edge.otlp import Receiver
from weftline.collector.edge.otlp_requests import Taken

# google.rpc.Code, which OTLP's error bodies carry
INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNAVAILABLE, UNAUTHENTICATED = 3, 7, 8, 14, 16


@dataclass(frozen=True, slots=True)
class Dialect:
    """One content type of a route."""

    content_type: str
    """Of the answers."""
    decode: Callable[[bytes], bytes]
    """The body as an OTLP request in protobuf; raises `BadMessage`. Pure, may run on another thread."""
    accepted: Callable[[Taken], tuple[int, bytes]]
    """HTTP status and body once all that was taken is durable."""
    failed: Callable[[int, str], bytes]
    """Body of an error: google.rpc code, reason."""


@dataclass(frozen=True, slots=True)
class Route:
    """What is done with a POST to one path."""

    signal: str
    receiver: Receiver
    dialects: Mapping[str, Dialect]
    """By the request's content type, lower case, without parameters."""
    receive: Callable[[bytes, Hold, str], Awaitable[Taken]]
    """Message, what is held for it, tenant. Returns when the request is durable; raises and counts `BadMessage` or
    `TryLater`."""


def text(_code: int, reason: str) -> bytes:
    """An error for people."""
    return f"{reason}\n".encode()
