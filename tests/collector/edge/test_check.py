"""Which bytes are a request of a signal."""

import pytest

from support.otlp import logs_request, span, spans_request
from weftline.collector.edge.otlp import check
from weftline.collector.errors import BadMessage
from weftline.collector.store.protocol import Signal

TX = "0af7651916cd43dd8448eb211c80319c"


def test_only_requests_of_the_signal_pass() -> None:
    check(Signal.SPANS, spans_request(span(TX, "b" * 16)))
    check(Signal.LOGS, logs_request())
    for rubbish in (b"\xff\xff", b"hello", spans_request(span(TX, "b" * 16))[:-2]):
        with pytest.raises(BadMessage, match="not an OTLP ExportTraceServiceRequest"):
            check(Signal.SPANS, rubbish)
