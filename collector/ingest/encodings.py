"""Messages that other producers wrote, as OTLP in protobuf: an OpenTelemetry Collector may write JSON. Pure."""

from collections.abc import Mapping, Sequence

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weftline.collector.errors import BadMessage
from weftline.collector.otlp_json import to_protobuf
from weftline.collector.store.protocol import Signal

_REQUESTS: Mapping[Signal, type[Message]] = {
    Signal.SPANS: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
}


def as_protobuf(signal: Signal, messages: Sequence[bytes]) -> tuple[dict[int, bytes], dict[int, BadMessage]]:
    """By index: the messages in protobuf, those in JSON (the Collector's `otlp_json`) converted; and the bad ones.

    No request in protobuf begins with `{`: that would be a group.
    """
    request = _REQUESTS.get(signal)
    good: dict[int, bytes] = {}
    bad: dict[int, BadMessage] = {}
    for index, message in enumerate(messages):
        if request is None or not message.startswith(b"{"):
            good[index] = message
            continue
        try:
            good[index] = to_protobuf(request, message)
        except BadMessage as error:
            bad[index] = error
    return good, bad
