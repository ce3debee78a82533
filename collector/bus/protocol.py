"""Between the edge and the store: Kafka, or nothing (direct)."""

from typing import Protocol

from weftline.collector.store.protocol import Signal


class Bus(Protocol):
    """Carries messages: whole export requests as protobuf bytes, unchanged. Used from one event loop."""

    async def publish(self, signal: Signal, message: bytes, transaction: bytes = b"", tenant: str = "") -> None:
        """Hand over one request; ``transaction`` is the ID of the one transaction it belongs to, if it is one.

        ``tenant``: whose rows it makes; a fact of the request, which travels beside its bytes.

        Durability: returns only when the message is on Kafka (acks=all) or, in direct mode, its rows are in ClickHouse.
        Order: none is promised; on Kafka requests of one transaction share a partition. Raises `TryLater` (nothing
        was promised to be stored; the sender retries) or, in direct mode, `BadMessage` (the sender must not retry).
        """

    async def check(self) -> None:
        """Raise `TryLater` unless a message could be handed over now."""

    async def close(self) -> None:
        """Finish what was accepted, then let go. Nothing may be published afterwards."""
