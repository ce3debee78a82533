"""What collectors answer, built by protobuf's own classes, and rubbish."""

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from weftline.agent.export.answer import rejected, retry_delay


def packed(*details: RetryInfo | ErrorInfo) -> bytes:
    status = Status(code=8, message="too much")
    for detail in details:
        anything = Any()
        anything.Pack(detail)
        status.details.append(anything)
    return status.SerializeToString()


def test_what_was_not_taken() -> None:
    for amount in (0, 1, 300, 1 << 40):
        partial = ExportTracePartialSuccess(rejected_spans=amount, error_message="too old")
        assert rejected(ExportTraceServiceResponse(partial_success=partial).SerializeToString()) == amount
    negative = ExportTracePartialSuccess(rejected_spans=-1)
    assert rejected(ExportTraceServiceResponse(partial_success=negative).SerializeToString()) == 0


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x0a", b"\x0a\x02\x08", b"\x0a\x00", b"\x0a\x03\x12\x01x", b"not protobuf", b"\x0a\xff", b"\xff" * 30],
)
def test_answers_without_a_count(answer: bytes) -> None:
    assert rejected(answer) == 0


def test_when_to_come_back() -> None:
    delay = Duration(seconds=2, nanos=500_000_000)
    assert retry_delay(packed(ErrorInfo(reason="x"), RetryInfo(retry_delay=delay))) == 2.5
    assert retry_delay(packed(RetryInfo())) == 0
    assert retry_delay(packed(RetryInfo(retry_delay=Duration(seconds=-1)))) == 0


@pytest.mark.parametrize(
    "status", [b"", packed(), packed(ErrorInfo(reason="x")), b"\x1a\xff", b"rubbish", b"\x1a\x02\x0a"]
)
def test_no_word_of_it(status: bytes) -> None:
    assert retry_delay(status) is None
