"""Access logs that come twice, in parts, in any order, or with nothing but an x-request-id; and how they are found."""

import itertools
import json
import uuid

import pytest

from support import als
from support.otlp import START, access_log, log, logs_request, span, spans_request
from weftline.collector.lines.otlp import request
from weftline.collector.lines.shipped import unpack
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import AccessLogRow, LogRow, Signal, SpanRow

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
RID = "7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0"
UNPAIRED = "7b3f3831f1e70db7b6b7ed7a4b9bf2a0"
"""the transaction that the x-request-id makes by itself"""
REWRITTEN = RID[:14] + "4" + RID[15:]
"""As the next Envoy writes it: index 14 says something about sampling."""

WHERE = {"downstream_remote_address": "10.0.0.1:40000", "downstream_local_address": "10.0.0.2:8080"}
STARTED = als.START_SECONDS * 1_000_000_000 + 5_000_000

ISTIO = {
    "start_time": "2026-11-22T06:07:12.005Z", "method": "GET", "path": "/pay", "protocol": "HTTP/1.1", "response_code": 503,
    "response_flags": "UF", "duration": 33, "request_id": RID, "authority": "ledger", "upstream_host": "10.0.0.9:8080",
    "upstream_cluster": "outbound|8080||ledger.shop.svc.cluster.local", **WHERE,
}  # fmt: skip


def by_otlp() -> tuple[Signal, bytes]:
    """The full record, microseconds later in the same millisecond."""
    fields = {
        "method": "GET",
        "path": "/pay",
        "response_code": "503",
        "response_flags": "UF",
        "request_id": RID,
        **WHERE,
    }
    return Signal.LOGS, logs_request(access_log(TX, "a" * 16, time=STARTED + 123_000, **fields))


def by_als() -> tuple[Signal, bytes]:
    entry = als.http_entry(
        als.common(stream_id=RID, tags={"trace_id": TX, "span_id": "a" * 16}, flags=als.field(6, 1), nanos=5_123_000),
        als.request(path="/pay", request_id=RID),
        als.response(503),
    )
    return Signal.ENVOY_ALS, als.framed(als.http_message(entry, who=als.identifier()))


def by_istio() -> tuple[Signal, bytes]:
    """Istio's default format: milliseconds, no trace."""
    return Signal.LOGS, request([unpack(json.dumps(ISTIO))])


def start() -> tuple[Signal, bytes]:
    fields = {"access_log_type": "DownstreamStart", "method": "GET", "path": "/pay", "request_id": RID, **WHERE}
    return Signal.LOGS, logs_request(access_log("", "", time=STARTED + 123_000, **fields))


def interim(ms: int) -> tuple[Signal, bytes]:
    fields = {"access_log_type": "DownstreamPeriodic", "method": "GET", "path": "/pay", "request_id": RID, **WHERE}
    record = access_log(TX, "a" * 16, time=STARTED + 123_000, duration_us="-", duration_ms=str(ms), **fields)
    return Signal.LOGS, logs_request(record)


def counted(store: ClickHouseSettings, transaction: str = TX) -> list[tuple[int, int, int]]:
    """(access logs, failed ones, response code) of a transaction"""
    with connect(store) as client:
        return client.execute(
            "SELECT uniqMerge(access_log_records), sum(errors) + uniqMerge(access_log_errors), argMinMerge(response_code) "
            "FROM transactions WHERE transaction_id = unhex(%(id)s) GROUP BY transaction_id",
            {"id": transaction},
        )


@pytest.mark.parametrize(
    "order", list(itertools.permutations([by_otlp, by_als, by_istio])), ids=lambda o: "-".join(f.__name__ for f in o)
)
def test_what_comes_by_several_ways_is_one_record_in_any_order(
    store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader, order: tuple
) -> None:
    for number, way in enumerate([*order, *order]):
        signal, message = way()
        writer.insert(signal, [message], str(number))
    assert reader.resolve(RID) == [TX] == reader.resolve(REWRITTEN)
    [row] = reader.transaction(TX, 10)
    assert (row.span_id, row.response_code, row.response_flags) == ("a" * 16, 503, "UF"), "the fuller one is shown"
    assert counted(store) == [(1, 1, 503)]


def test_several_requests_of_one_connection_are_several_records(
    store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    """Same x-request-id too: a client that sends it again. Only the time tells them apart."""
    records = [access_log(TX, f"{n:016x}", time=STARTED + n * 1_000_000, request_id=RID, **WHERE) for n in range(1, 4)]
    writer.insert(Signal.LOGS, [logs_request(*records)], "1")
    assert len(reader.transaction(TX, 10)) == 3
    assert counted(store)[0][0] == 3


def test_proxies_on_the_way_of_one_request_are_several_records(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    hops = [
        access_log(TX, f"{n:016x}", time=STARTED, request_id=RID, stream_id=RID,
                   downstream_remote_address=f"10.0.0.{n}:1", downstream_local_address=f"10.0.0.{n + 1}:2")
        for n in range(1, 5)
    ]  # fmt: skip
    writer.insert(Signal.LOGS, [logs_request(*hops)], "1")
    assert len(reader.transaction(TX, 10)) == 4


def test_logs_without_addresses_are_told_apart_by_their_proxies(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    for node in ("a", "b"):
        writer.insert(Signal.LOGS, [logs_request(access_log(TX, "a" * 16, request_id=RID), node_name=node)], node)
    assert sorted(row.node_id for row in reader.transaction(TX, 10)) == ["a", "b"]


@pytest.mark.parametrize("last", ["end first", "end last"])
def test_the_end_stands_for_the_start_and_what_was_said_meanwhile(
    store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader, last: str
) -> None:
    said = [start(), interim(1000), interim(2000)]
    if last == "end first":
        writer.insert(*_batch(by_otlp()), "end")
    for number, one in enumerate(said):
        writer.insert(*_batch(one), str(number))
    if last == "end last":
        [row] = reader.transaction(TX, 10)
        assert (row.kind, row.duration) == ("interim", 2_000_000_000), "until it ends, the newest"
        assert counted(store) == [(0, 0, 0)]
        writer.insert(*_batch(by_otlp()), "end")
    [row] = reader.transaction(TX, 10)
    assert (row.kind, row.response_code) == ("end", 503)
    assert counted(store) == [(1, 1, 503)]


def _batch(one: tuple[Signal, bytes]) -> tuple[Signal, list[bytes]]:
    return one[0], [one[1]]


PAIRS = {
    "span": (Signal.SPANS, spans_request(span(TX, "b" * 16, attributes={"guid:x-request-id": REWRITTEN}))),
    "agent's span": (
        Signal.SPANS,
        spans_request(span(TX, "b" * 16, attributes={"http.request.header.x-request-id": [RID]})),
    ),
    "log": (
        Signal.LOGS,
        logs_request(log(TX, "", "x", attributes={"http.request.header.x-request-id": [RID.upper()]})),
    ),
    "access log": (Signal.LOGS, logs_request(access_log(TX, "c" * 16, time=START, request_id=REWRITTEN, method="GET"))),
}


@pytest.mark.parametrize("first", ["pair", "orphan"])
@pytest.mark.parametrize("pair", PAIRS)
def test_a_log_with_nothing_but_a_request_id_is_found_in_its_transaction(
    writer: ClickHouseWriter, reader: ClickHouseReader, pair: str, first: str
) -> None:
    inserts = [PAIRS[pair], by_istio()]
    if first == "orphan":
        inserts.reverse()
    writer.insert(*_batch(inserts[0]), "1")
    if first == "orphan":
        [alone] = reader.resolve(RID)
        assert alone not in (TX, "0" * 32)
        assert [row.path for row in reader.transaction(alone, 10)] == ["/pay"], "found even before anything pairs it"
    writer.insert(*_batch(inserts[1]), "2")
    assert reader.resolve(RID) == [TX] == reader.resolve(REWRITTEN)
    orphans = [row for row in reader.transaction(TX, 10) if isinstance(row, AccessLogRow) and row.path == "/pay"]
    assert [(row.response_code, row.request_id, row.trace_id) for row in orphans] == [(503, RID, "")]


def test_every_hop_of_a_mesh_that_knows_request_ids_only_is_one_transaction(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    lines = [
        {
            **ISTIO,
            "request_id": RID if n % 2 else REWRITTEN,
            "downstream_remote_address": f"10.0.0.{n}:1",
            "path": f"/{n}",
        }
        for n in range(4)
    ]
    writer.insert(Signal.LOGS, [request(unpack(json.dumps(line)) for line in lines)], "1")
    [transaction] = reader.resolve(REWRITTEN)
    assert {row.path for row in reader.transaction(transaction, 10)} == {"/0", "/1", "/2", "/3"}


def test_a_request_id_that_is_no_uuid_works_too(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    line = json.dumps({**ISTIO, "request_id": "order/4711"})
    writer.insert(Signal.LOGS, [request([unpack(line)])], "1")
    writer.insert(
        Signal.SPANS, [spans_request(span(TX, "b" * 16, attributes={"guid:x-request-id": "order/4711"}))], "2"
    )
    assert reader.resolve("order/4711") == [TX]
    assert {type(row) for row in reader.transaction(TX, 10)} == {AccessLogRow, SpanRow}


def test_two_transactions_that_share_a_request_id_both_have_its_logs(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    """A service that passes on x-request-id but not traceparent: two traces."""
    other = "1" * 32
    for number, transaction in enumerate((TX, other)):
        spans = spans_request(span(transaction, "b" * 16, start=START + number, attributes={"guid:x-request-id": RID}))
        writer.insert(Signal.SPANS, [spans], transaction)
    writer.insert(*_batch(by_istio()), "istio")
    assert reader.resolve(RID) == [other, TX]
    for transaction in (TX, other):
        assert {type(row) for row in reader.transaction(transaction, 10)} == {SpanRow, AccessLogRow}


def test_neither_look_up_scans(store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    """200,000 requests, half of them with an x-request-id alone: a look-up reads a few granules (8,192 rows each)."""
    with connect(store) as client:
        client.execute(
            "INSERT INTO otlp_logs (time, trace_id, service, attributes) "
            "SELECT toDateTime64('2026-11-22 00:00:00', 9, 'UTC') + number / 10, "
            "if(number % 2 = 0, toFixedString('', 16), MD5(toString(number))), 'cart', "
            "map('access_log_type', 'DownstreamEnd', 'method', 'GET', 'request_id', toString(generateUUIDv4(number))) "
            "FROM numbers(200000) SETTINGS max_partitions_per_insert_block = 0"
        )
    for pair in (PAIRS["span"], by_istio()):
        writer.insert(*_batch(pair), uuid.uuid4().hex)
    with connect(store) as client:
        for table in ("access_logs", "aliases", "request_ids", "transactions"):
            client.execute(f"OPTIMIZE TABLE {table} FINAL")
        ids = {"id": TX, "ids": [TX, UNPAIRED], "limit": 100, "most": 100}
        for name, of in (
            ("few_where", ""),
            ("access_logs", statements.OF_SEVERAL),
            ("resolve", ""),
        ):
            assert client.execute(statements.read(name, of), {**ids, **({"id": RID} if name == "resolve" else {})})
            assert client.last_query.progress.rows < 8 * 8192, name
    assert {type(row) for row in reader.transaction(TX, 10)} == {SpanRow, AccessLogRow}
    assert not [row for row in reader.transaction(TX, 10) if isinstance(row, LogRow)]
