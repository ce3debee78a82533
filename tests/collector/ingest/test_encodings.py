"""What other producers write."""

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from support.otlp import log, logs_request, span, spans_request
from weftline.collector.ingest.encodings import as_protobuf
from weftline.collector.store.protocol import Signal

TX = "0af7651916cd43dd8448eb211c80319c"


def test_protobuf_is_left_alone() -> None:
    messages = [spans_request(span(TX, "b" * 16)), b"", b"\xff"]
    assert as_protobuf(Signal.SPANS, messages) == (dict(enumerate(messages)), {})


def test_json_is_converted_and_bad_json_named() -> None:
    protobuf = logs_request(log("", "", "hello"))
    document = json_format.MessageToJson(ExportLogsServiceRequest.FromString(protobuf)).encode()
    messages, bad = as_protobuf(Signal.LOGS, [document, protobuf, b"{broken", document])
    assert messages == {0: protobuf, 1: protobuf, 3: protobuf}
    assert list(bad) == [2]
    assert "not JSON" in str(bad[2])
