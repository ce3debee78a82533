"""What all receivers share: a request is looked at natively, counted, and its bytes are handed on."""

import logging
from dataclasses import dataclass

from weftline.collector.access.identity import Denied
from weftline.collector.bus.protocol import Bus
from weftline.collector.edge.admission import Admission, Hold, OverCapacity
from weftline.collector.edge.otlp_requests import METRICS, Taken, count_data_points, examine
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.metrics import REJECTED_ITEMS, REQUEST_BYTES, REQUESTS
from weftline.collector.store.protocol import Signal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes one export request of a protocol; which status an error becomes is the protocol's business."""

    bus: Bus
    admission: Admission
    protocol: str
    max_items: int = 100_000

    async def receive(self, signal: Signal, message: bytes, hold: Hold | None = None, tenant: str = "") -> Taken:
        """Returns when the request is durable; raises `BadMessage` or `TryLater` and counts either.

        ``hold``: what the caller holds for this request already. ``tenant``: whose rows it makes.
        """
        if hold is None:
            with self.admission.hold() as hold:  # noqa: PLR1704 - the same thing, ours where the caller has none
                return await self.receive(signal, message, hold, tenant)
        try:
            if not message:
                self._count(signal, "accepted", "empty")
                return Taken()
            hold.grow(len(message))
            examined = examine(signal, message, self.max_items)
            await self.bus.publish(signal, examined.message, examined.transaction, tenant)
        except BadMessage as error:
            self.refused(signal, "undecodable", error)
            raise
        except TryLater as error:
            self.later(signal, error)
            raise
        self._count(signal, "accepted", "")
        REQUEST_BYTES.labels(signal, self.protocol).inc(len(message))
        if examined.taken.rejected:
            REJECTED_ITEMS.labels(signal, self.protocol).inc(examined.taken.rejected)
            logger.warning(
                "Refused a part of a request protocol=%s signal=%s count=%d: %s",
                self.protocol, signal, examined.taken.rejected, examined.taken.reason,
            )  # fmt: skip
        return examined.taken

    def refused(self, signal: str, reason: str, error: Exception) -> None:
        """Count a request that the sender must not send again."""
        self._count(signal, "refused", reason)
        logger.warning("Refused a request protocol=%s signal=%s: %s", self.protocol, signal, error)

    def denied(self, signal: str, error: Denied) -> None:
        """Count a request whose sender may not send."""
        self.refused(signal, "forbidden" if error.known else "unauthenticated", error)

    def later(self, signal: str, error: TryLater) -> None:
        """Count a request that the sender is told to send again."""
        self._count(signal, "later", "overloaded" if isinstance(error, OverCapacity) else "unavailable")
        logger.warning("Told a sender to come back protocol=%s signal=%s: %s", self.protocol, signal, error)

    def _count(self, signal: str, outcome: str, reason: str) -> None:
        REQUESTS.labels(signal, self.protocol, outcome, reason).inc()


class MetricsRefusal:
    """Answers OTLP metrics, which weftline does not store, so that no SDK sends them again or fails; says so once.

    Each sender is told by partial success how many data points were not taken.
    """

    def __init__(self) -> None:
        self._said = False

    def receive(self, receiver: Receiver, message: bytes) -> Taken:
        """Raises `BadMessage` if the bytes are not a request, and counts either."""
        try:
            rejected = count_data_points(message)
        except BadMessage as error:
            receiver.refused(METRICS.signal, "undecodable", error)
            raise
        REQUESTS.labels(METRICS.signal, receiver.protocol, "refused", "not_stored").inc()
        REJECTED_ITEMS.labels(METRICS.signal, receiver.protocol).inc(rejected)
        if not self._said:
            self._said = True
            logger.warning(
                "A sender sends OTLP metrics, which weftline does not store; it is told so, this is logged once "
                "protocol=%s. Unset OTEL_METRICS_EXPORTER there or set it to none.",
                receiver.protocol,
            )
        return Taken(rejected, "weftline stores traces and logs, not metrics; set OTEL_METRICS_EXPORTER=none.")
