"""What an instrumentation scope says of itself, stored and found on a real ClickHouse."""

from contextlib import closing

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.otlp import START, attributes, span
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_searcher import ClickHouseSearcher
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.conditions import Attribute, HasRow, Operator, RowKind, Test, Within
from weftline.collector.store.protocol import Signal, SpanRow
from weftline.collector.store.searcher import Window

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
SCOPES = {
    "a": {"plugin": "flask", "n": 3, "http.request.header.cookie": "s3cret"},
    "b": {},
    "c": {"plugin": "redis"},
}


@pytest.fixture
def _stored(writer: ClickHouseWriter) -> None:
    request = ExportTraceServiceRequest(
        resource_spans=[
            {
                "resource": {"attributes": attributes({"service.name": "cart"})},
                "scope_spans": [
                    {
                        "scope": {"name": it, "attributes": attributes(scope)},
                        "spans": [span(TX, it * 16), span(TX, f"{it}1" * 8)],
                    }
                    for it, scope in SCOPES.items()
                ],
            }
        ]
    )
    writer.insert(Signal.SPANS, [request.SerializeToString()], "t")


@pytest.mark.usefixtures("_stored")
def test_every_span_has_those_of_its_scope_without_credentials(reader: ClickHouseReader) -> None:
    expected = {
        "a": {"plugin": "flask", "n": "3", "http.request.header.cookie": "[not stored]"},
        "b": {},
        "c": {"plugin": "redis"},
    }
    for rows in (reader.transaction(TX, 10), reader.spans([TX], 10)[TX]):
        assert len(rows) == 6
        for row in rows:
            assert isinstance(row, SpanRow)
            assert row.scope_attributes == expected[row.scope_name]


@pytest.mark.usefixtures("_stored")
@pytest.mark.parametrize(
    ("key", "value", "found"), [("plugin", "redis", [TX]), ("plugin", "pymongo", []), ("n", 3, [TX])]
)
def test_a_search_within_the_span_finds_them(
    store: ClickHouseSettings, key: str, value: str | int, found: list
) -> None:
    condition = HasRow(RowKind.SPAN, [Test(Attribute(key, Within.SPAN), Operator.EQUAL, value)])
    with closing(ClickHouseSearcher(store)) as searcher:
        hits = searcher.search(condition, Window(START, START + 10**9), None, 10, 10)
    assert [hit.transaction_id for hit in hits] == found
