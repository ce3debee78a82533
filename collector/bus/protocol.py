"""Between the edge and the store: Kafka, or nothing (direct)."""

from typing import Protocol

from weftline.collector.store.protocol import Signal


class Bus(Protocol):
    """Carries messages: whole export requests as protobuf bytes, unchanged. Used from one event loop."""

    async def publish(self, signal: Signal, message: bytes) -> None:
        """Hand over one request.

        Durability: returns only when the message is on Kafka (acks=all) or, in direct mode, its rows are in ClickHouse.
        Order: none is promised. Raises `TryLater` (nothing was promised to be stored; the sender retries) or, in direct
        mode, `BadMessage` (the sender must not retry).
        """

    async def check(self) -> None:
        """Raise `TryLater` unless a message could be handed over now."""

    async def close(self) -> None:
        """Finish what was accepted, then let go. Nothing may be published afterwards."""
