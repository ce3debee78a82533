"""What all OTLP receivers share: a request's bytes are checked natively, counted, and handed on unchanged."""

import logging
from dataclasses import dataclass

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from weftline.collector.bus.protocol import Bus
from weftline.collector.edge.admission import Admission
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.metrics import REQUEST_BYTES, REQUESTS
from weftline.collector.store.protocol import Signal

logger = logging.getLogger(__name__)

_REQUESTS: dict[Signal, type[Message]] = {
    Signal.SPANS: trace_service_pb2.ExportTraceServiceRequest,
    Signal.LOGS: logs_service_pb2.ExportLogsServiceRequest,
}


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes one export request of a protocol; which status an error becomes is the protocol's business."""

    bus: Bus
    admission: Admission
    protocol: str

    async def receive(self, signal: Signal, message: bytes) -> None:
        """Returns when the request is durable; raises `BadMessage` or `TryLater` and counts either."""
        try:
            if not message:
                self._count(signal, "accepted", "empty")
                return
            check(signal, message)
            with self.admission.admit(len(message)):
                await self.bus.publish(signal, message)
        except BadMessage as error:
            self.refused(signal, "undecodable", error)
            raise
        except TryLater as error:
            self._count(signal, "later", "overloaded")
            logger.warning("Told a sender to come back protocol=%s signal=%s: %s", self.protocol, signal.value, error)
            raise
        self._count(signal, "accepted", "")
        REQUEST_BYTES.labels(signal.value, self.protocol).inc(len(message))

    def refused(self, signal: Signal, reason: str, error: Exception) -> None:
        """Count a request that the sender must not send again."""
        self._count(signal, "refused", reason)
        logger.warning("Refused a request protocol=%s signal=%s: %s", self.protocol, signal.value, error)

    def _count(self, signal: Signal, outcome: str, reason: str) -> None:
        REQUESTS.labels(signal.value, self.protocol, outcome, reason).inc()


def check(signal: Signal, message: bytes) -> None:
    """Raise `BadMessage` unless the bytes are a request of this signal.

    Python's protobuf decodes in C, some 0.7 µs a span; nothing is done per span here.
    """
    try:
        _REQUESTS[signal]().ParseFromString(message)
    except DecodeError:
        raise BadMessage(f"The body is not an OTLP {_REQUESTS[signal].DESCRIPTOR.name} in protobuf.") from None
