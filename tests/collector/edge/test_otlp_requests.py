"""What is looked at in a request before its bytes go on."""

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from support.otlp import log, logs_request, span, spans_request
from weftline.collector.edge.otlp_requests import LOGS, TRACES, Taken, count_data_points, examine, response
from weftline.collector.errors import BadMessage
from weftline.collector.store.protocol import Signal

TX = "0af7651916cd43dd8448eb211c80319c"
OTHER = "11111111111111111111111111111111"


def ids(message: bytes) -> list[str]:
    request = ExportTraceServiceRequest.FromString(message)
    return [it.span_id.hex() for r in request.resource_spans for s in r.scope_spans for it in s.spans]


def test_a_request_goes_on_as_the_very_bytes_that_came() -> None:
    message = spans_request(span(TX, "b" * 16), span(OTHER, "c" * 16, parent="b" * 16)) + b"\xd2\x06\x02hi"
    examined = examine(Signal.SPANS, message)
    assert (examined.message, examined.items, examined.taken) == (message, 2, Taken())


def test_only_requests_of_the_signal_pass() -> None:
    for rubbish in (b"\xff\xff", b"hello", spans_request(span(TX, "b" * 16))[:-2]):
        with pytest.raises(BadMessage, match="not an OTLP ExportTraceServiceRequest"):
            examine(Signal.SPANS, rubbish)
        with pytest.raises(BadMessage, match="not an OTLP ExportLogsServiceRequest"):
            examine(Signal.LOGS, rubbish)


@pytest.mark.parametrize(
    ("message", "transaction"),
    [
        (spans_request(span(TX, "b" * 16), span(TX, "c" * 16)), TX),
        (spans_request(span(TX, "b" * 16), span(OTHER, "c" * 16)), ""),
        (spans_request(), ""),
        (spans_request(span(TX, "b" * 16), span("01", "c" * 16)), TX),
    ],
    ids=["one", "two", "none", "one and a bad one"],
)
def test_the_transaction_of_spans_is_named_if_there_is_one(message: bytes, transaction: str) -> None:
    assert examine(Signal.SPANS, message).transaction.hex() == transaction


@pytest.mark.parametrize(
    ("message", "transaction"),
    [
        (logs_request(log(TX, "b" * 16, "a"), log(TX, "", "b")), TX),
        (logs_request(log(TX, "b" * 16, "a"), log("", "", "b")), ""),
        (logs_request(log("", "", "a")), ""),
        (logs_request(log("00" * 16, "", "a")), ""),
        (logs_request(log("0102", "03", "a")), ""),
        (logs_request(), ""),
    ],
    ids=["one", "one and none", "none", "zero", "wrong length", "empty"],
)
def test_the_transaction_of_logs_is_named_if_there_is_one(message: bytes, transaction: str) -> None:
    examined = examine(Signal.LOGS, message)
    assert (examined.transaction.hex(), examined.message, examined.taken) == (transaction, message, Taken())


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (span("01", "b" * 16), "trace_id is not 16 bytes"),
        (span("", "b" * 16), "trace_id is not 16 bytes"),
        (span("00" * 16, "b" * 16), "trace_id is not 16 bytes with one that is not zero"),
        (span(TX + "00", "b" * 16), "trace_id is not 16 bytes"),
        (span(TX, "0" * 16), "span_id is not 8 bytes with one that is not zero"),
        (span(TX, ""), "span_id is not 8 bytes"),
        (span(TX, "b" * 16, parent="00" * 9), "parent_span_id is neither empty nor 8 bytes"),
    ],
    ids=["short trace", "no trace", "zero trace", "long trace", "zero span", "no span", "long parent"],
)
def test_an_invalid_span_is_left_out_and_its_neighbours_stay(bad, says: str) -> None:
    good = [span(TX, f"{n:016x}") for n in range(1, 4)]
    examined = examine(Signal.SPANS, spans_request(*good[:1], bad, *good[1:], bad))
    assert ids(examined.message) == [f"{n:016x}" for n in range(1, 4)]
    assert (examined.items, examined.taken.rejected) == (3, 2)
    assert says in examined.taken.reason
    assert "'GET /'" in examined.taken.reason
    with pytest.raises(BadMessage, match=says):
        examine(Signal.SPANS, spans_request(bad))


def test_items_are_limited() -> None:
    message = spans_request(*(span(TX, f"{n:016x}") for n in range(1, 5)))
    assert examine(Signal.SPANS, message, 4).items == 4
    with pytest.raises(BadMessage, match="has 4 items, the limit is 3"):
        examine(Signal.SPANS, message, 3)


def test_data_points_are_counted() -> None:
    point = {"as_int": 1}
    request = ExportMetricsServiceRequest(
        resource_metrics=[
            {
                "scope_metrics": [
                    {
                        "metrics": [
                            {"name": "a", "gauge": {"data_points": [point, point]}},
                            {"name": "b", "sum": {"data_points": [point]}},
                            {"name": "c", "histogram": {"data_points": [{"count": 1}]}},
                            {"name": "d"},
                        ]
                    }
                ]
            }
        ]
    )
    assert count_data_points(request.SerializeToString()) == 4
    with pytest.raises(BadMessage, match="not an OTLP ExportMetricsServiceRequest"):
        count_data_points(b"\xff")


def test_partial_success_is_unset_when_all_was_taken() -> None:
    assert response(TRACES, Taken()).SerializeToString() == b""
    answer = ExportTraceServiceResponse.FromString(response(TRACES, Taken(2, "why")).SerializeToString())
    assert (answer.partial_success.rejected_spans, answer.partial_success.error_message) == (2, "why")
    assert response(LOGS, Taken(3, "why")).partial_success.rejected_log_records == 3
