"""A transaction of few rows comes by one query, and is what many queries would have made of it."""

import pytest

from support.otlp import START, access_log, log, logs_request, span, spans_request
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.few import MOST
from weftline.collector.store.protocol import Row, Signal

pytestmark = pytest.mark.clickhouse

TX, TRACE, OTHER, ALONE = "a" * 32, "b" * 32, "c" * 32, "d" * 32
RID = "7b3f3831-f1e7-4db7-b6b7-ed7a4b9bf2a0"


def in_blocks(reader: ClickHouseReader, transaction: str) -> list[str]:
    rows: list[Row] = [row for block in reader.transaction_blocks(transaction, 10 * MOST) for row in block]
    return sorted(map(repr, rows))


def test_it_is_what_a_query_for_each_kind_makes_of_it(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    """Its own rows, one that came twice, a record that has only the x-request-id, and a trace it reached without ids."""
    places = {"downstream_remote_address": "10.0.0.1:40000", "downstream_local_address": "10.0.0.2:8080"}
    own = access_log(TX, "1" * 16, method="GET", request_id=RID, **places)
    began = access_log(TX, "1" * 16, access_log_type="DownstreamStart", method="GET", request_id=RID, **places)
    by_request_id = access_log("", "", method="GET", path="/pay", request_id=RID, **{**places, "protocol": "HTTP/2"})
    elsewhere = access_log("", "", time=START + 5_000_000, method="GET", path="/ledger", request_id=RID)
    behind = access_log(TRACE, "2" * 16, transaction_id=TX, method="GET", path="/stock")
    for number, message in enumerate(
        [
            logs_request(own, began),
            logs_request(own),
            logs_request(by_request_id, elsewhere),
            logs_request(behind),
            logs_request(
                log(TRACE, "3" * 16, "behind"), log(TX, "1" * 16, "caf???", attributes={"k": "caf???"})
            ).replace(b"caf???", b'"\\caf\xe9'),
            logs_request(log(OTHER, "1" * 16, "another request's")),
        ]
    ):
        writer.insert(Signal.LOGS, [message], str(number))
    writer.insert(
        Signal.SPANS,
        [
            spans_request(
                span(TX, "1" * 16, attributes={"n": 1, "ok": True}), span(TRACE, "3" * 16), span(OTHER, "1" * 16)
            )
        ],
        "spans",
    )
    few = reader.few(TX)
    assert few is not None
    assert few.rows == sorted(few.rows, key=lambda row: row.time) == reader.transaction(TX, 100)
    assert sorted(map(repr, few.rows)) == in_blocks(reader, TX)
    assert sorted(type(row).__name__ for row in few.rows) == [*["AccessLogRow"] * 3, *["LogRow"] * 2, *["SpanRow"] * 2]
    assert '"\\caf\\xe9' in {row.body for row in few.rows if hasattr(row, "body")}
    assert few.aliased == []
    assert reader.few(TRACE).aliased == [TX], "an access log names both"
    assert reader.few(ALONE).rows == []


def test_more_rows_than_few_are_read_in_blocks(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    for transaction, count in ((TX, MOST), (OTHER, MOST + 1)):
        lines = [log(transaction, "", f"line {number}", time=START + number) for number in range(count)]
        writer.insert(Signal.LOGS, [logs_request(*lines)], transaction)
    assert len(reader.few(TX).rows) == MOST
    assert reader.few(OTHER) is None
    assert [row.time - START for row in reader.transaction(OTHER, 2 * MOST)] == list(range(MOST + 1))


def test_an_id_is_data_not_sql(reader: ClickHouseReader) -> None:
    assert reader.few("') OR 1 = 1 --").rows == []
