"""Searches on a real ClickHouse: what a line of text finds, and what it doesn't."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.otlp import START, access_log, attributes, log, logs_request, span, spans_request
from weftline.collector.errors import AskOtherwise, TryLater
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import ClickHouseConnections
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_searcher import ClickHouseSearcher
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.conditions import EVERYTHING
from weftline.collector.store.migrate import migrate
from weftline.collector.store.protocol import Operation, Signal, SpanOutline
from weftline.collector.store.searcher import Facet, Hit, Place, Window
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.query.routes.jaeger_search import TraceQuery
from weftline.query.search import understand
from weftline.query.search.fields import FIELDS

pytestmark = pytest.mark.clickhouse

MS = 1_000_000
SECOND = 1000 * MS
HOUR = 3600 * SECOND
NOW = START + HOUR // 2

CHECKOUT, DECLINED, OVERFLOW, LINES = "a" * 32, "b" * 32, "c" * 32, "d" * 32
"""A good request, one that an application failed, one that died in a proxy unsampled, one that only logged."""
REQUEST_ID = "9e5d4c1a-7b1f-4c3e-8f5a-0d2b6a7c8e90"


@pytest.fixture(scope="module")
def shop(clickhouse: ClickHouse) -> ClickHouseSettings:
    """A database with the four transactions; the tests only read."""
    settings = ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port, database="test_search")
    migrate(settings)
    with closing(ClickHouseWriter(settings)) as writer:
        _fill(writer)
    return settings


@pytest.fixture
def searcher(shop: ClickHouseSettings) -> Iterator[ClickHouseSearcher]:
    with closing(ClickHouseSearcher(shop)) as searcher:
        yield searcher


def _fill(writer: ClickHouseWriter) -> None:
    writer.insert(
        Signal.SPANS,
        [
            spans_request(
                span(CHECKOUT, "01" * 8, name="POST /checkout", duration=40 * MS, attributes={"http.route": "/checkout", "http.response.status_code": 200, "weftline.alias": "order-4711"}),
                service="cart", **{"host.name": "node-1"},
            ),
            spans_request(span(CHECKOUT, "02" * 8, parent="01" * 8, start=START + MS, name="POST /pay/card", duration=30 * MS, attributes={"http.route": "/pay/card", "amount": "99"}), service="payment"),
            _of_scope(span(DECLINED, "03" * 8, start=START + SECOND, name="POST /pay/iban", duration=700 * MS, status={"code": 2, "message": "declined: 50% off"}, attributes={"http.route": "/pay/iban", "http.response.status_code": 500, "amount": 100, "ratio": 72.5, "final": True}, links=[{"trace_id": bytes(16), "attributes": attributes({"link.reason": "retry"})}], events=[{"name": "exception", "attributes": attributes({"exception.type": "Declined"})}]), service="payment"),
        ],
        "spans",
    )  # fmt: skip
    writer.insert(
        Signal.LOGS,
        [
            logs_request(log(DECLINED, "03" * 8, "Card was declined: Timeout", time=START + 2 * SECOND, severity_number=17), service="payment"),
            logs_request(log(LINES, "04" * 8, "cache warmed", time=START + 4 * SECOND, severity_number=9), service="cart"),
            logs_request(access_log(OVERFLOW, "05" * 8, time=START + 3 * SECOND, method="GET", path="/stock?sku=1", authority="shop.test", response_code="503", response_flags="UO,URX", response_code_details="overflow", duration_us="1500", upstream_cluster="stock", request_id=REQUEST_ID), service="edge"),
        ],
        "logs",
    )  # fmt: skip


def _of_scope(sent: Span, service: str) -> bytes:
    request = ExportTraceServiceRequest.FromString(spans_request(sent, service=service))
    request.resource_spans[0].scope_spans[0].scope.attributes.extend(attributes({"scope.team": "pay"}))
    return request.SerializeToString()


def find(searcher: ClickHouseSearcher, text: str) -> list[str]:
    question = understand(text, NOW)
    return [hit.transaction_id for hit in searcher.search(question.condition, question.window, None, 100, 10)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [LINES, OVERFLOW, DECLINED, CHECKOUT]),
        ("service=payment", [DECLINED, CHECKOUT]),
        ("service=payment status=error", [DECLINED]),
        ("service=cart status=error", []),
        ("service=cart and service=payment", [CHECKOUT]),
        ("service=cart or service=edge", [LINES, OVERFLOW, CHECKOUT]),
        ("not service=cart", [OVERFLOW, DECLINED]),
        ("service!=cart", [OVERFLOW, DECLINED, CHECKOUT]),
        ("status=error", [OVERFLOW, DECLINED]),
        ("status=error not (service=payment or log:zzz)", [OVERFLOW]),
        ("duration>500ms", [DECLINED]),
        ("duration<2ms", [OVERFLOW]),
        ("duration=30ms..40ms", [CHECKOUT]),
        ("duration >= 40ms service = cart", [CHECKOUT]),
        ('http.route="/pay/*"', [DECLINED, CHECKOUT]),
        ("http.route=/pay/iban", [DECLINED]),
        ("http.route=*", [DECLINED, CHECKOUT]),
        ("http.route!=/pay/iban", [CHECKOUT]),
        ("http.route~^/pay/(card|iban)$ kind=server", [DECLINED, CHECKOUT]),
        ("http.route!~pay", [CHECKOUT]),
        ("attribute.amount>99", [DECLINED]),
        ("attribute.amount>=99", [DECLINED, CHECKOUT]),
        ("http.response.status_code>=500", [OVERFLOW, DECLINED]),
        ("http.response.status_code=500..599", [OVERFLOW, DECLINED]),
        ("http.route>5", []),
        ("host.name=node-1", [CHECKOUT]),
        ("url.path=/stock", [OVERFLOW]),
        ("flags~UO", [OVERFLOW]),
        ("flags=UO", [OVERFLOW]),
        ("flags=U", []),
        ("flags!=UO", []),
        ("flags!=NR", [OVERFLOW]),
        ("flags=U*", [OVERFLOW]),
        ("code=503 method=GET path=/stock* details=overflow cluster=stock", [OVERFLOW]),
        ('log:"timeout"', [DECLINED]),
        ("log:timeout level>=error service=payment", [DECLINED]),
        ("log:timeout level=warn", []),
        ("level=info", [LINES]),
        ("service=payment status=error log:timeout", [DECLINED]),
        ("service=payment flags~UO", []),
        ("flags~UO log:timeout", []),
        ("declined", [DECLINED]),
        ('"50% off"', [DECLINED]),
        ("status_message=*50%*", [DECLINED]),
        ("status_message=*50_*", []),
        ("/stock", [OVERFLOW]),
        ("event=exception", [DECLINED]),
        ("alias=order-4711", [CHECKOUT]),
        ("alias=9e5d4c1a-7b1f-9c3e-8f5a-0d2b6a7c8e90", [OVERFLOW]),
        (f"id={DECLINED}", [DECLINED]),
        (DECLINED.upper(), [DECLINED]),
        ("alias=order-4711 or alias=order-4712", [CHECKOUT]),
        ("not alias=order-4711", [LINES, OVERFLOW, DECLINED]),
        ("errors>0 spans=0", [OVERFLOW]),
        ("errors>0 and spans=1", [DECLINED]),
        ("total>=1s", [DECLINED]),
        ("root=*checkout", [CHECKOUT]),
        ("since=10m", []),
        ("since=2026-11-18T11:06:41 until=2026-11-18T11:06:42", [DECLINED]),
        ("name=\"' OR 1=1 --\"", []),
        ("attribute.%(since)s=1 or name=$TESTS", []),
    ],
)  # fmt: skip
def test_a_search_finds_what_it_describes(searcher: ClickHouseSearcher, text: str, found: list[str]) -> None:
    assert find(searcher, text) == found


def test_every_field_can_be_asked_for(searcher: ClickHouseSearcher) -> None:
    for field in FIELDS.values():
        value = {"number": "1", "duration": "1ms", "level": "warn", "time": "1h"}.get(field.type, "x")
        find(searcher, f"{field.name}={field.values[0] if field.values else value}")


def test_a_hit_says_what_the_transaction_was(searcher: ClickHouseSearcher) -> None:
    question = understand("code=503", NOW)
    assert searcher.search(question.condition, question.window, None, 1, 10) == [
        Hit(
            transaction_id=OVERFLOW, start=START + 3 * SECOND, duration=1_500_000, root="GET /stock?sku=1", response_code=503,
            response_flags=["UO", "URX"], services=["edge"], spans=0, logs=0, access_logs=1, errors=1,
        )
    ]  # fmt: skip


def test_pages_follow_each_other_without_gap_or_repetition(searcher: ClickHouseSearcher) -> None:
    window = Window(START, NOW)
    place, seen = None, []
    while page := searcher.search(EVERYTHING, window, place, 1, 10):
        seen.append(page[0].transaction_id)
        place = Place(page[0].start, page[0].transaction_id)
    assert seen == [LINES, OVERFLOW, DECLINED, CHECKOUT]


def test_facets_count_what_was_found(searcher: ClickHouseSearcher) -> None:
    facets = searcher.facets(understand("service=payment or status=error", NOW).condition, Window(START, NOW), 100, 10)
    assert facets == [
        Facet("found", "", 3),
        Facet("service", "payment", 2), Facet("service", "cart", 1), Facet("service", "edge", 1),
        Facet("status", "error", 2), Facet("status", "unset", 1),
        Facet("root", "GET /stock", 1), Facet("root", "POST /checkout", 1), Facet("root", "POST /pay/iban", 1),
        Facet("response_code", "503", 1),
        Facet("flags", "UO", 1), Facet("flags", "URX", 1),
        Facet("duration", "2097152", 1), Facet("duration", "67108864", 1), Facet("duration", "1073741824", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["name~(", "name~[z-a]", "flags~*"])
def test_an_expression_that_cannot_be_read_is_the_askers_to_mend(searcher: ClickHouseSearcher, text: str) -> None:
    with pytest.raises(AskOtherwise, match="regular expression"):
        find(searcher, text)


def test_a_search_ends_when_its_time_is_over(searcher: ClickHouseSearcher, shop: ClickHouseSettings) -> None:
    with closing(ClickHouseConnections(shop)) as connections, pytest.raises(AskOtherwise, match="takes too long"):
        connections.execute(
            "SELECT sleepEachRow(0.1) FROM numbers(100)", {}, {"max_execution_time": 0.2, "max_block_size": 1}
        )
    assert find(searcher, "service=edge") == [OVERFLOW]


def test_a_store_that_is_away_says_try_later(shop: ClickHouseSettings) -> None:
    with (
        closing(ClickHouseSearcher(replace(shop, tcp_port=1))) as searcher,
        pytest.raises(TryLater, match="does not answer"),
    ):
        searcher.search(EVERYTHING, Window(0, 1), None, 1, 1)


def test_spans_and_operations_are_read_by_trace_and_service(shop: ClickHouseSettings) -> None:
    with closing(ClickHouseReader(shop)) as reader:
        spans = reader.spans([DECLINED, CHECKOUT, LINES], 10)
        assert {trace: [one.name for one in found] for trace, found in spans.items()} == {
            DECLINED: ["POST /pay/iban"],
            CHECKOUT: ["POST /checkout", "POST /pay/card"],
        }
        assert [one.span_id for one in reader.spans([CHECKOUT], 1)[CHECKOUT]] == ["01" * 8]
        outline = reader.span_outlines([CHECKOUT], 10)[CHECKOUT][1]
        assert outline == SpanOutline(
            CHECKOUT, "02" * 8, "01" * 8, START + MS, 30 * MS, "payment", "POST /pay/card", error=False
        )
        assert reader.spans([], 10) == reader.span_outlines([], 10) == {}
        assert reader.operations("payment") == [
            Operation("POST /pay/card", "server"),
            Operation("POST /pay/iban", "server"),
        ]
        assert reader.operations("nobody") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (TraceQuery(START, NOW), [DECLINED, CHECKOUT]),
        (TraceQuery(START + 1, NOW, "cart"), []),
        (TraceQuery(START, START, "cart"), [CHECKOUT]),
        (TraceQuery(START + MS, START + MS), [CHECKOUT]),
        (TraceQuery(START, NOW, "payment", "POST /pay/iban"), [DECLINED]),
        (TraceQuery(START, NOW, min_duration=700 * MS), [DECLINED]),
        (TraceQuery(START, NOW, max_duration=700 * MS - 1), [CHECKOUT]),
        (TraceQuery(START, NOW, attributes={"error": "true"}), [DECLINED]),
        (TraceQuery(START, NOW, attributes={"error": "false"}), [CHECKOUT]),
        (TraceQuery(START, NOW, attributes={"error": "maybe"}), []),
        (TraceQuery(START, NOW, attributes={"span.status": "ERROR", "span.kind": "SERVER"}), [DECLINED]),
        (TraceQuery(START, NOW, attributes={"scope.name": "test", "scope.version": "1"}), [DECLINED, CHECKOUT]),
        (TraceQuery(START, NOW, attributes={"amount": "100"}), [DECLINED]),
        (TraceQuery(START, NOW, attributes={"host.name": "node-1"}), [CHECKOUT]),
        (TraceQuery(START, NOW, attributes={"resource.host.name": "node-1"}), [CHECKOUT]),
        (TraceQuery(START, NOW, attributes={"resource.amount": "100"}), []),
        (TraceQuery(START, NOW, attributes={"exception.type": "Declined"}), [DECLINED]),
        (TraceQuery(START, NOW, "cart", attributes={"amount": "99"}), []),
        (TraceQuery(START, NOW, attributes={"scope.team": "pay"}), [DECLINED]),
        (TraceQuery(START, NOW, attributes={"link.reason": "retry"}), [DECLINED]),
        (
            TraceQuery(START, NOW, attributes={"ratio": "72.5", "final": "true", "exception.type": "Declined"}),
            [DECLINED],
        ),
        (TraceQuery(START, NOW, attributes={"ratio": "72.5", "amount": "99"}), []),
        (TraceQuery(START, NOW, attributes={"span.status": "UNSET"}), [CHECKOUT]),
        (TraceQuery(START, NOW, attributes={"span.status": "nonsense"}), [CHECKOUT]),
        (TraceQuery(START, NOW, attributes={"span.status": "OK"}), []),
    ],
)
def test_jaegers_searches_find_one_span_that_fulfils_everything(
    searcher: ClickHouseSearcher, query: TraceQuery, found: list[str]
) -> None:
    question = query.question()
    assert [hit.transaction_id for hit in searcher.search(question.condition, question.window, None, 100, 10)] == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (TraceQuery(START, NOW), [LINES, OVERFLOW, DECLINED, CHECKOUT]),
        (TraceQuery(START, NOW, "edge"), [OVERFLOW]),
        (TraceQuery(START, NOW, "cart"), [LINES, CHECKOUT]),
        (TraceQuery(START, NOW, operation="GET /stock"), [OVERFLOW]),
        (TraceQuery(START, NOW, operation="GET /stoc"), []),
        (TraceQuery(START, NOW, max_duration=2 * MS), [OVERFLOW]),
        (TraceQuery(START, NOW, attributes={"error": "true"}), [OVERFLOW, DECLINED]),
        (TraceQuery(START, NOW, attributes={"span.kind": "server", "http.response.status_code": "503"}), [OVERFLOW]),
        (TraceQuery(START, NOW, attributes={"response_flags": "UO,URX", "upstream_cluster": "stock"}), [OVERFLOW]),
        (TraceQuery(START, NOW, attributes={"response_flags": "URX"}), [OVERFLOW]),
        (TraceQuery(START, NOW, attributes={"response_flags": "UO,NR"}), []),
        (TraceQuery(START, NOW, "edge", attributes={"response_code_details": "overflow"}), [OVERFLOW]),
    ],
)
def test_jaegers_searches_find_what_only_proxies_and_log_lines_saw(
    searcher: ClickHouseSearcher, query: TraceQuery, found: list[str]
) -> None:
    question = query.question(proxies=True)
    assert [hit.transaction_id for hit in searcher.search(question.condition, question.window, None, 100, 10)] == found
