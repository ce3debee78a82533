"""The mesh's events on a real ClickHouse: what a view makes of access logs, and how they are read."""

from collections.abc import Sequence

import pytest

from support.otlp import START, access_log, logs_request
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.event_kinds import DETAILS, FLAGS, EventKind, causes
from weftline.collector.store.mesh import EventCount, EventFilter, EventRow
from weftline.collector.store.protocol import Signal

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
OTHER = "11111111111111111111111111111111"
SECOND = 1_000_000_000
ALL = EventFilter(START - 3600 * SECOND, START + 3600 * SECOND)


def found(reader: ClickHouseReader, **filters: Sequence[str]) -> list[EventRow]:
    return list(reader.events(EventFilter(ALL.since, ALL.until, **filters), 1000))  # type: ignore[arg-type]


def test_a_refused_connection_is_an_event_of_its_transaction(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    record = access_log(
        TX, "a" * 16, response_code="503", response_flags="UF", duration_us="1500", method="POST", authority="ledger",
        path="/entries", upstream_cluster="ledger", upstream_host="127.0.0.1:1", upstream_request_attempt_count="1",
        response_code_details="upstream_reset_before_response_started{remote_connection_failure}", route_name="ledger",
        upstream_transport_failure_reason="delayed_connect_error:_Connection_refused", stream_id="s", request_id="r",
    )  # fmt: skip
    message = logs_request(record, service="payment", **{"weftline.proxy.role": "sidecar-outbound", "node_name": "n"})
    writer.insert(Signal.LOGS, [message], "t")
    [event] = found(reader)
    assert event == EventRow(
        time=START + 1_500_000, id=event.id, kind="upstream_connect_failure", reason="UF", transaction_id=TX,
        span_id="a" * 16, request_id="r", service="payment", proxy_role="sidecar-outbound", node_id="n", route_name="ledger",
        upstream_cluster="ledger", upstream_host="127.0.0.1:1", method="POST", authority="ledger", path="/entries",
        response_code=503, response_flags="UF",
        response_code_details="upstream_reset_before_response_started{remote_connection_failure}",
        upstream_transport_failure_reason="delayed_connect_error:_Connection_refused", upstream_attempts=1,
        duration=1_500_000, count=1,
    )  # fmt: skip
    assert len(event.id) == 16


def test_the_view_knows_every_flag_and_detail_as_the_table_does(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    """One table, spelt twice: in Python for those who read, in SQL for the view."""
    cases = [
        *((flag, "via_upstream", "-", 1) for flag in FLAGS),
        *(("-", f"{detail}_more[x]", "-", 1) for detail in DETAILS),
        *(("-", "-", f"{detail}_more[x]", 0) for detail in DETAILS),
        ("UF,URX", "upstream_reset", "-", 3),
        ("URX,UT", "upstream_per_try_timeout", "-", 2),
        ("DI,FI", "fault_filter_abort", "-", 0),
        ("UT", "max_duration_timeout", "-", 2),
        ("-", "via_upstream", "-", 2),
        ("-", "via_upstream", "-", 1),
        ("-", "not_rbac_access_denied", "-", 1),
        ("XYZ", "via_upstream", "-", 1),
    ]
    records = [
        access_log(
            TX, f"{number:016x}", response_flags=flags, response_code_details=details,
            connection_termination_details=termination, upstream_request_attempt_count=str(attempts),
        )
        for number, (flags, details, termination, attempts) in enumerate(cases, 1)
    ]  # fmt: skip
    writer.insert(Signal.LOGS, [logs_request(*records)], "t")
    stored: dict[int, set[tuple[str, str]]] = {}
    for event in found(reader):
        stored.setdefault(int(event.span_id, 16), set()).add((event.kind, event.reason))
    expected = {number: {(it.kind.value, it.reason) for it in causes(*case)} for number, case in enumerate(cases, 1)}
    assert stored == {number: them for number, them in expected.items() if them}
    assert {kind for them in stored.values() for kind, _ in them} == {kind.value for kind in EventKind} - {
        "outlier_ejection"
    }


def test_only_finished_requests_and_connections_make_events(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    types = ("DownstreamStart", "DownstreamPeriodic", "UpstreamEnd", "TcpPeriodic", "DownstreamEnd", "TcpConnectionEnd")
    records = [access_log(TX, f"{n:016x}", access_log_type=it, response_flags="UF") for n, it in enumerate(types, 1)]
    writer.insert(Signal.LOGS, [logs_request(*records)], "t")
    assert sorted(event.span_id[-1] for event in found(reader)) == ["5", "6"]


def test_the_same_record_by_two_ways_is_one_event(
    store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    message = logs_request(access_log(TX, "a" * 16, response_flags="NR", stream_id="s"))
    writer.insert(Signal.LOGS, [message], "one")
    writer.insert(Signal.LOGS, [message], "one")
    writer.insert(Signal.LOGS, [message], "two")
    assert len(found(reader)) == 1
    assert [it.count for it in reader.event_counts(ALL, SECOND)] == [1]
    with connect(store) as client:
        assert client.execute("SELECT count() FROM events") == [(2,)], "a retried insert left nothing behind"


def fill(writer: ClickHouseWriter) -> None:
    """Ten timeouts and five rejections, one a second, of two services and two transactions."""
    late = [
        access_log(TX, f"{n:016x}", time=START + n * SECOND, response_flags="UT", route_name="a", upstream_cluster="x")
        for n in range(1, 11)
    ]
    limited = [
        access_log(OTHER, f"{n:016x}", time=START + n * SECOND, response_flags="RL", route_name="b")
        for n in range(1, 6)
    ]
    writer.insert(Signal.LOGS, [logs_request(*late, service="cart"), logs_request(*limited, service="edge")], "t")


def test_pages_follow_each_other_newest_first(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    fill(writer)
    seen: list[EventRow] = []
    before = None
    while page := reader.events(ALL, 4, before):
        seen += page
        before = (page[-1].time, page[-1].id)
    assert len({event.id for event in seen}) == len(seen) == 15
    assert [event.time for event in seen] == sorted((event.time for event in seen), reverse=True)


def test_events_are_filtered(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    fill(writer)
    assert len(found(reader, kinds=("timeout",))) == 10
    assert len(found(reader, kinds=("timeout", "rate_limit"))) == 15
    assert len(found(reader, services=("edge",))) == 5
    assert len(found(reader, routes=("a",))) == 10
    assert len(found(reader, clusters=("x",))) == 10
    assert found(reader, kinds=("timeout",), services=("edge",)) == []
    window = EventFilter(START + 3 * SECOND, START + 5 * SECOND)
    assert len(reader.events(window, 100)) == 4, "the end is left out"
    assert len(reader.events(EventFilter(ALL.since, ALL.until, stored_since=ALL.since), 100)) == 15
    assert reader.events(EventFilter(ALL.since, ALL.until, stored_since=2**62), 100) == []


def test_counts_are_by_interval_kind_and_service(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    fill(writer)
    counts = reader.event_counts(ALL, 10 * SECOND)
    assert counts == [
        EventCount(START, "rate_limit", "edge", 5),
        EventCount(START, "timeout", "cart", 9),
        EventCount(START + 10 * SECOND, "timeout", "cart", 1),
    ]


def test_hops_are_those_of_the_transactions_asked_for(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    fill(writer)
    assert reader.hops([]) == []
    assert {hop.transaction_id for hop in reader.hops([TX])} == {TX}
    hops = reader.hops([TX, OTHER])
    assert len(hops) == 15
    assert (hops[0].parent_span_id, hops[0].upstream_span_id, hops[0].kind) == ("", "", "end")


def test_a_filter_is_data_not_sql(reader: ClickHouseReader) -> None:
    for odd in ("'", "\\", "') OR 1=1 --", "%(id)s"):
        assert found(reader, kinds=(odd,), services=(odd,), routes=(odd,)) == []


def test_a_record_that_comes_by_two_ways_with_less_precision_is_one_event(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    """A file's line has milliseconds and may lack the trace; the x-request-id and the connection are the same."""
    same = {
        "request_id": "7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0", "downstream_remote_address": "10.0.0.1:1",
        "downstream_local_address": "10.0.0.2:80", "response_flags": "UF",
    }  # fmt: skip
    writer.insert(Signal.LOGS, [logs_request(access_log(TX, "a" * 16, time=START + 345_678, **same))], "otlp")
    writer.insert(Signal.LOGS, [logs_request(access_log("", "", time=START, **same))], "file")
    [event] = found(reader)
    assert event.request_id == same["request_id"]
    assert [it.count for it in reader.event_counts(ALL, SECOND)] == [1]
