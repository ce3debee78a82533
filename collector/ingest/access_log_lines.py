"""Messages that hold lines of access logs, written by a log shipper, as OTLP in protobuf: rows as Envoy's own. Pure."""

from collections.abc import Sequence

from weftline.collector.errors import BadMessage
from weftline.collector.lines.otlp import request
from weftline.collector.lines.shipped import unpack

PROTOCOL = "kafka"


def lines_as_protobuf(messages: Sequence[bytes]) -> tuple[dict[int, bytes], dict[int, BadMessage]]:
    """By index: the messages as `ExportLogsServiceRequest`, and those that are none of what a shipper writes.

    The same messages always make the same bytes, so a batch's token holds for them as it does for OTLP.
    """
    good: dict[int, bytes] = {}
    bad: dict[int, BadMessage] = {}
    for index, message in enumerate(messages):
        try:
            good[index] = _otlp(message)
        except BadMessage as error:
            bad[index] = error
    return good, bad


def _otlp(message: bytes) -> bytes:
    try:
        lines = [line for line in message.decode().splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise BadMessage(f"It is not UTF-8: {error}.") from None
    if not lines:
        raise BadMessage("It is empty.")
    return request(unpack(line) for line in lines)
