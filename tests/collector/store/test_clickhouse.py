"""The store on a real ClickHouse: what goes in as OTLP comes out as rows, once."""

import random
from dataclasses import replace

import pytest

from support.otlp import START, access_log, attributes, log, logs_request, span, spans_request
from weftline.collector.errors import BadMessage, Misconfigured, TryLater
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.migrate import migrate
from weftline.collector.store.protocol import AccessLogRow, LogRow, Signal, SpanEvent, SpanLink, SpanRow

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
OTHER = "11111111111111111111111111111111"


def traceparent(span_id: str, trace_id: str = TX) -> str:
    return f"00-{trace_id}-{span_id}-01"


def transactions(settings: ClickHouseSettings) -> list[tuple]:
    with connect(settings) as client:
        return client.execute(
            "SELECT lower(hex(transaction_id)), sum(spans), sum(logs), "
            "uniqMerge(access_log_records), sum(errors) + uniqMerge(access_log_errors), "
            "arraySort(groupUniqArrayArray(services)), arraySort(groupUniqArrayArray(response_flags)), "
            "argMinMerge(response_code), argMinMerge(root), "
            "toUnixTimestamp64Nano(min(first_time)), toUnixTimestamp64Nano(max(last_time)) "
            "FROM transactions GROUP BY transaction_id ORDER BY 1"
        )


def test_a_span_keeps_all_it_says(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    message = spans_request(
        span(
            TX, "b7ad6b7169203331", parent="00f067aa0ba902b7", duration=250_000_000, name="GET /pay", trace_state="a=1",
            status={"code": 2, "message": "declined"},
            attributes={
                "text": "ä\"\\", "zero": 0, "negative": -7, "false": False, "half": 0.5, "list": ['a"b', "c"],
                "numbers": [1, 2], "map": {"k": "v", "n": 1}, "bytes": b"\x00\xff", "nothing": None,
            },
            events=[{"name": "exception", "time_unix_nano": START + 5, "attributes": attributes({"exception.type": "E"})}],
            links=[{"trace_id": bytes.fromhex(OTHER), "span_id": b"\x01" * 8, "attributes": attributes({"l": 1})}],
        ),
        **{"host.name": "h"},
    )  # fmt: skip
    writer.insert(Signal.SPANS, [message], "t")
    assert reader.transaction(TX, 10) == [
        SpanRow(
            transaction_id=TX, span_id="b7ad6b7169203331", parent_span_id="00f067aa0ba902b7", time=START,
            duration=250_000_000, service="cart", name="GET /pay", kind="server", status="error", status_message="declined",
            scope_name="test", scope_version="1", scope_attributes={}, resource={"service.name": "cart", "host.name": "h"},
            attributes={
                "text": "ä\"\\", "zero": "0", "negative": "-7", "false": "false", "half": "0.5", "list": '["a\\"b","c"]',
                "numbers": "[1,2]", "map": '{"k":"v","n":1}', "bytes": "AP8=", "nothing": "",
            },
            events=[SpanEvent(START + 5, "exception", {"exception.type": "E"})],
            links=[SpanLink(OTHER, "01" * 8, {"l": "1"})],
            attribute_types={"zero": "int", "negative": "int", "false": "bool", "half": "double"},
        )
    ]  # fmt: skip


def test_log_records_become_logs_and_access_logs(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    message = logs_request(
        log(TX, "b7ad6b7169203331", "declined", severity_number=17, severity_text="ERROR", attributes={"n": 1}),
        access_log(
            TX, "00f067aa0ba902b7", time=START - 1000, transaction_id=TX, parent_traceparent=traceparent("a" * 16),
            upstream_traceparent=traceparent("b" * 16), method="GET", path="/pay?x=1", authority="shop", protocol="HTTP/1.1",
            response_code="503", response_flags="UF,URX", response_code_details="upstream_reset", duration_us="1500",
            upstream_request_attempt_count="2", upstream_host="127.0.0.1:1", upstream_cluster="ledger", route_name="-",
            request_id="7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0", stream_id="s", bytes_received="1", bytes_sent="2",
            connection_id="15", grpc_status="-", user_agent="curl",
        ),
        **{"weftline.proxy.role": "sidecar-outbound", "node_name": "n"},
    )  # fmt: skip
    writer.insert(Signal.LOGS, [message], "t")
    resource = {"service.name": "cart", "weftline.proxy.role": "sidecar-outbound", "node_name": "n"}
    proxied, logged = reader.transaction(TX, 10)
    assert [replace(proxied, record_id=""), logged] == [
        AccessLogRow(
            transaction_id=TX, trace_id=TX, span_id="00f067aa0ba902b7", parent_span_id="a" * 16, upstream_span_id="b" * 16,
            time=START - 1000, duration=1_500_000, service="cart", proxy_role="sidecar-outbound", node_id="n",
            log_type="DownstreamEnd", method="GET", authority="shop", path="/pay?x=1", protocol="HTTP/1.1", response_code=503,
            response_flags="UF,URX", response_code_details="upstream_reset", upstream_transport_failure_reason="",
            connection_termination_details="", upstream_cluster="ledger", upstream_host="127.0.0.1:1", upstream_attempts=2,
            route_name="", request_id="7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0", stream_id="s", bytes_received=1, bytes_sent=2,
            grpc_status="", resource=resource, attributes={"user_agent": "curl"}, connection_id=15, listener_direction="outbound", upstream_hosts_attempted=[],
        ),
        LogRow(
            transaction_id=TX, span_id="b7ad6b7169203331", time=START, service="cart", severity_number=17,
            severity_text="ERROR", body="declined", event_name="", scope_name="test", resource=resource, attributes={"n": "1"},
        ),
    ]  # fmt: skip


def test_a_request_whose_client_left_has_a_duration_too(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    """Envoy has no microseconds then: nothing was sent downstream."""
    gone = access_log(TX, "a" * 16, response_code="0", response_flags="DC", duration_us="-", duration_ms="750")
    done = access_log(TX, "b" * 16, response_code="200", duration_us="1500", duration_ms="1", time=START + 1)
    writer.insert(Signal.LOGS, [logs_request(gone, done)], "t")
    assert [row.duration for row in reader.transaction(TX, 10)] == [750_000_000, 1_500_000]


def test_the_callers_span_is_not_taken_for_one_sent_upstream(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    """No healthy upstream (UH): Envoy counts an attempt, but the traceparent is still the one that arrived."""
    arrived = traceparent("a" * 16)
    record = access_log(
        TX, "c" * 16, parent_traceparent=arrived, upstream_traceparent=arrived, upstream_request_attempt_count="1",
        response_code="503", response_flags="UH",
    )  # fmt: skip
    writer.insert(Signal.LOGS, [logs_request(record)], "t")
    [row] = reader.transaction(TX, 10)
    assert (row.parent_span_id, row.upstream_span_id, row.upstream_attempts) == ("a" * 16, "", 1)


@pytest.mark.parametrize(
    ("log_type", "kind"),
    [
        ("DownstreamEnd", "end"), ("NotSet", "end"), ("", "end"), ("-", "end"), ("UpstreamEnd", "attempt"), ("UpstreamPeriodic", "attempt"),
        ("UpstreamPoolReady", "attempt"), ("DownstreamStart", "start"), ("DownstreamPeriodic", "interim"),
        ("DownstreamTunnelSuccessfullyEstablished", "start"), ("TcpConnectionStart", "start"),
        ("TcpUpstreamConnected", "start"), ("TcpPeriodic", "interim"), ("TcpConnectionEnd", "connection"),
        ("UdpSessionEnd", "connection"), ("UdpPeriodic", "interim"), ("UdpTunnelUpstreamConnected", "start"),
    ],
)  # fmt: skip
def test_only_the_end_of_a_request_is_counted_as_one(
    store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader, log_type: str, kind: str
) -> None:
    said = access_log(
        TX, "a" * 16, access_log_type=log_type, response_code="503", response_flags="UF", method="GET", path="/said",
        time=START - 1000,
    )  # fmt: skip
    end = access_log(TX, "b" * 16, response_code="200", method="GET", path="/end")
    writer.insert(Signal.LOGS, [logs_request(said)], "1")
    writer.insert(Signal.LOGS, [logs_request(end)], "2")
    assert [row.kind for row in reader.transaction(TX, 10)] == [kind, "end"]
    [(_, _, _, access_logs, errors, _, flags, code, root, first, _)] = transactions(store)
    counted = {"end": (2, 1, 503, "GET /said"), "connection": (2, 1, 200, "GET /said")}
    assert (access_logs, errors, code, root) == counted.get(kind, (1, 0, 200, "GET /end"))
    assert (flags, first) == (["UF"], START - 1000), "what went wrong on the way is found too"


def test_an_attempt_has_the_ids_of_what_it_sent(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    """Envoy leaves the record's own ids and the caller's traceparent empty."""
    told = access_log(
        "", "", access_log_type="UpstreamEnd", transaction_id=TX, parent_traceparent="-",
        upstream_traceparent=traceparent("b" * 16, OTHER), upstream_request_attempt_count="2", duration_us="-", duration_ms="3",
    )  # fmt: skip
    uncounted = access_log(
        "", "", access_log_type="UpstreamEnd", transaction_id="-", upstream_traceparent=traceparent("c" * 16),
        upstream_request_attempt_count="-", duration_us="7", time=START + 1,
    )  # fmt: skip
    writer.insert(Signal.LOGS, [logs_request(told, uncounted)], "t")
    found = [
        (row.trace_id, row.span_id, row.parent_span_id, row.upstream_span_id, row.upstream_attempts, row.duration)
        for row in reader.transaction(TX, 10)
        if isinstance(row, AccessLogRow)
    ]
    assert found == [(OTHER, "", "", "b" * 16, 2, 3_000_000), (TX, "", "", "c" * 16, 0, 7_000)]


def test_a_proxy_that_isn_t_told_its_service_has_that_of_its_cluster(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    """Istio's provider: no service.name, and the listener's role among the attributes."""
    record = access_log(TX, "a" * 16, **{"weftline.proxy.role": "sidecar-inbound"})
    line = log(TX, "a" * 16, "of no service", time=START + 1)
    sender = {"service": "", "cluster_name": "cart", "node_name": "sidecar~10.0.0.1~cart-1.shop~shop.svc.cluster.local"}
    writer.insert(Signal.LOGS, [logs_request(record, line, **sender)], "t")
    proxied, plain = reader.transaction(TX, 10)
    assert isinstance(proxied, AccessLogRow)
    assert (proxied.service, proxied.proxy_role) == ("cart", "sidecar-inbound")
    assert proxied.node_id == "sidecar~10.0.0.1~cart-1.shop~shop.svc.cluster.local"
    assert plain.service == ""
    assert list(reader.services()) == ["cart"]


def test_text_that_is_not_utf8_is_spelt_out(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    """OTLP's strings are UTF-8, but a producer may write anything to Kafka; one such line must not hide the others."""
    message = logs_request(log(TX, "a" * 16, "caf?", attributes={"k": "caf?"})).replace(b"caf?", b"caf\xe9")
    writer.insert(Signal.LOGS, [message], "t")
    [row] = reader.transaction(TX, 10)
    assert (row.body, row.attributes) == ("caf\\xe9", {"k": "caf\\xe9"})


def test_the_transaction_is_kept_up_to_date_by_every_kind(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    writer.insert(Signal.LOGS, [logs_request(log(TX, "", "boom", severity_number=17, time=START + 7))], "1")
    assert transactions(store) == [(TX, 0, 1, 0, 1, ["cart"], [], 0, "", START + 7, START + 7)]
    writer.insert(
        Signal.SPANS, [spans_request(span(TX, "b" * 16, duration=100, status={"code": 2}), service="pay")], "2"
    )
    assert transactions(store) == [(TX, 1, 1, 0, 2, ["cart", "pay"], [], 0, "GET /", START, START + 100)]
    proxied = access_log(
        TX, "a" * 16, time=START - 1000, duration_us="5", response_code="503", response_flags="UF,URX", method="GET", path="/p"
    )  # fmt: skip
    writer.insert(Signal.LOGS, [logs_request(proxied, service="edge")], "3")
    assert transactions(store) == [
        (TX, 1, 1, 1, 3, ["cart", "edge", "pay"], ["UF", "URX"], 503, "GET /p", START - 1000, START + 4000)
    ]


def test_an_alias_names_its_transaction_in_either_order_of_arrival(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    assert list(reader.resolve("order-4711")) == []
    rid = "7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0"
    writer.insert(Signal.LOGS, [logs_request(access_log(TX, "a" * 16, request_id=rid, method="GET"))], "1")
    writer.insert(Signal.SPANS, [spans_request(span(TX, "b" * 16, attributes={"weftline.alias": "order-4711"}))], "2")
    assert list(reader.resolve("order-4711")) == [TX]
    assert list(reader.resolve(TX)) == [TX] == list(reader.resolve(TX.upper()))
    # Envoy rewrites the character at index 14; people paste in any case.
    for seen in (rid, rid[:14] + "4" + rid[15:], rid.upper()):
        assert list(reader.resolve(seen)) == [TX]
    assert list(reader.resolve(rid[:13] + "0" + rid[14:])) == []


def test_one_alias_may_name_several_transactions_newest_first(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    old = span(OTHER, "b" * 16, start=START - 1_000_000_000, attributes={"weftline.alias": "order-1"})
    new = span(TX, "b" * 16, attributes={"weftline.alias": "order-1"})
    writer.insert(Signal.SPANS, [spans_request(old, new)], "1")
    assert list(reader.resolve("order-1")) == [TX, OTHER]


def test_request_ids_of_agents_and_tracers_are_aliases(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    agent = span(TX, "b" * 16, attributes={"http.request.header.x-request-id": ["from-agent"]})
    envoy = span(TX, "c" * 16, attributes={"guid:x-request-id": "from-envoy"})
    writer.insert(Signal.SPANS, [spans_request(agent, envoy)], "1")
    record = log(TX, "b" * 16, "", attributes={"http.request.header.x-request-id": ["from-log"]})
    writer.insert(Signal.LOGS, [logs_request(record)], "2")
    for alias in ("from-agent", "from-envoy", "from-log"):
        assert list(reader.resolve(alias)) == [TX]


def test_a_trace_that_began_behind_a_hop_that_passed_on_x_transaction_id_only_is_part_of_it(
    writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    """The next proxy had no traceparent, so it began trace OTHER; its access log has both ids."""
    writer.insert(Signal.LOGS, [logs_request(access_log(OTHER, "a" * 16, transaction_id=TX, method="GET"))], "1")
    writer.insert(Signal.SPANS, [spans_request(span(OTHER, "b" * 16))], "2")
    writer.insert(Signal.LOGS, [logs_request(log(OTHER, "b" * 16, "here"))], "3")
    assert {type(row) for row in reader.transaction(TX, 10)} == {AccessLogRow, SpanRow, LogRow}
    assert list(reader.resolve(OTHER)) == [OTHER, TX]


def test_a_token_stores_once_in_tables_and_views(
    store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    spans = [spans_request(span(TX, f"{n:016x}")) for n in range(1, 4)]
    logs = [logs_request(log(TX, "1" * 16, "one"), access_log(TX, "2" * 16, method="GET", response_code="200"))]
    for _ in range(3):
        writer.insert(Signal.SPANS, spans, "a")
        writer.insert(Signal.LOGS, logs, "a")
    assert len(reader.transaction(TX, 100)) == 5
    assert [row[:5] for row in transactions(store)] == [(TX, 3, 1, 1, 0)]
    writer.insert(Signal.SPANS, spans, "b")
    assert len(reader.transaction(TX, 100)) == 8


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"\xff\xff\xff", "READ"),
        (spans_request(span(TX, "b" * 16))[:-3], "READ"),
        (spans_request(span("01", "b" * 16)), "trace_id is not 16 bytes"),
        (spans_request(span(TX + "00", "b" * 16)), "decode"),
        (spans_request(span("00" * 16, "b" * 16)), "trace_id is not 16 bytes"),
        (spans_request(span(TX, "0" * 16)), "span_id is not 8 bytes"),
        (spans_request(span(TX, "b" * 16, parent="00" * 9)), "TOO_LARGE_STRING_SIZE"),
    ],
    ids=["rubbish", "cut", "short trace", "long trace", "zero trace", "zero span", "long parent"],
)  # fmt: skip
def test_a_bad_message_is_refused_and_its_batch_leaves_nothing(
    store: ClickHouseSettings, bad: bytes, says: str, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    good = [spans_request(span(TX, f"{n:016x}")) for n in range(1, 51)]
    with pytest.raises(BadMessage, match=says):
        writer.insert(Signal.SPANS, [*good, bad], "t")
    assert transactions(store) == []
    assert reader.transaction(TX, 100) == []


def test_a_batch_larger_than_a_block_is_all_or_nothing(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    """ClickHouse forms blocks of 65,409 rows by default, and those before the bad message would stay."""
    ids = random.Random(1)
    many = [spans_request(span(TX, ids.randbytes(8).hex())) for _ in range(2_000)] * 70
    with pytest.raises(BadMessage):
        writer.insert(Signal.SPANS, [*many, spans_request(span("01", "b" * 16))], "t")
    assert transactions(store) == []


def test_odd_but_harmless_values_are_stored(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    odd = span(TX, "b" * 16, duration=-5, kind=17, status={"code": 9}, name="")
    far = [span(TX, f"{n:016x}", start=START + n * 86_400_000_000_000) for n in range(1, 200)]
    writer.insert(Signal.SPANS, [spans_request(odd, *far)], "1")
    writer.insert(Signal.LOGS, [logs_request(log("0102", "03", "no ids", severity_number=99))], "2")
    rows = reader.transaction(TX, 1000)
    assert len(rows) == 200
    [row] = [row for row in rows if row.span_id == "b" * 16]
    assert (row.duration, row.kind, row.status) == (0, "unspecified", "unset")


def test_credentials_are_never_stored(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    secrets = {
        "http.request.header.authorization": ["Bearer s3cret"], "http.request.header.cookie": "s3cret",
        "http.response.header.set-cookie": "s3cret", "http.request.header.proxy-authorization": "s3cret",
        "http.request.header.x-api-key": "s3cret",
    }  # fmt: skip
    writer.insert(Signal.SPANS, [spans_request(span(TX, "b" * 16, attributes=secrets))], "1")
    writer.insert(Signal.LOGS, [logs_request(log(TX, "b" * 16, "x", attributes=secrets))], "2")
    rows = reader.transaction(TX, 10)
    assert [set(row.attributes) for row in rows] == [set(secrets)] * 2
    assert "s3cret" not in repr(rows)


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("/pay?order=1&token=s3cret&x=2", "/pay?order=1&token=[not stored]&x=2"),
        ("/pay?Token=s3cret", "/pay?Token=[not stored]"),
        ("https://ann:s3cret@shop/pay?sig=s3cret#top", "https://[not stored]@shop/pay?sig=[not stored]#top"),
        ("password=s3cret&a=b", "password=[not stored]&a=b"),
        ("/pay?tokens=2&mytoken=3&a=token=4", "/pay?tokens=2&mytoken=3&a=token=4"),
        ("/mail/ann@shop?a=b@c", "/mail/ann@shop?a=b@c"),
        ("/plain", "/plain"),
    ],
)
def test_secrets_in_urls_are_never_stored(
    writer: ClickHouseWriter, reader: ClickHouseReader, url: str, stored: str
) -> None:
    names = ("url.full", "url.query", "http.url", "http.target")
    writer.insert(Signal.SPANS, [spans_request(span(TX, "b" * 16, attributes=dict.fromkeys(names, url)))], "1")
    writer.insert(Signal.LOGS, [logs_request(access_log(TX, "c" * 16, path=url, time=START + 1))], "2")
    recorded, proxied = reader.transaction(TX, 10)
    assert dict(recorded.attributes) == dict.fromkeys(names, stored)
    assert proxied.path == stored


def test_rows_are_bounded_and_the_earliest_are_kept(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    spans = [span(TX, f"{n:016x}", start=START + n) for n in range(1, 21)]
    writer.insert(Signal.SPANS, [spans_request(*spans)], "1")
    assert [row.time - START for row in reader.transaction(TX, 5)] == [1, 2, 3, 4, 5]


def test_services_come_from_every_kind_of_row(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    writer.insert(Signal.SPANS, [spans_request(span(TX, "b" * 16), service="pay")], "1")
    writer.insert(Signal.LOGS, [logs_request(log(TX, "b" * 16, "x"), service="cart")], "2")
    writer.insert(Signal.LOGS, [logs_request(access_log(TX, "b" * 16), service="edge")], "3")
    assert list(reader.services()) == ["cart", "edge", "pay"]


def test_migrating_again_changes_nothing_and_foreign_migrations_are_refused(store: ClickHouseSettings) -> None:
    assert migrate(store) == []
    with connect(store) as client:
        client.execute("INSERT INTO schema_migrations (number, name, checksum) VALUES", [(9999, "future", "x")])
        with pytest.raises(Misconfigured, match="9999"):
            migrate(store)
        client.execute("TRUNCATE TABLE schema_migrations")
        client.execute("INSERT INTO schema_migrations (number, name, checksum) VALUES", [(1, "spans", "x")])
        with pytest.raises(Misconfigured, match="0001 spans"):
            migrate(store)


def test_every_migration_has_a_number_of_its_own() -> None:
    """Gaps are allowed: parts of the schema that grow side by side have ranges of their own."""
    numbers = [migration.number for migration in statements.migrations()]
    assert numbers == sorted(set(numbers))


def test_a_server_that_is_away_is_a_reason_to_try_later(store: ClickHouseSettings) -> None:
    away = ClickHouseSettings(http_port=1, tcp_port=1, database=store.database)
    for call in (
        ClickHouseWriter(away).check,
        lambda: ClickHouseWriter(away).insert(Signal.SPANS, [spans_request(span(TX, "b" * 16))], "t"),
        ClickHouseReader(away).check,
        lambda: migrate(away),
    ):
        with pytest.raises(TryLater, match=r"127\.0\.0\.1:1 does not answer"):
            call()


def test_a_missing_schema_is_a_reason_to_try_later_not_a_bad_message(
    clickhouse: object, store: ClickHouseSettings
) -> None:
    empty = ClickHouseSettings(http_port=store.http_port, tcp_port=store.tcp_port, database="nobody_made_it")
    with pytest.raises(TryLater, match="code=81"):
        ClickHouseWriter(empty).insert(Signal.SPANS, [spans_request(span(TX, "b" * 16))], "t")
    with pytest.raises(TryLater, match="code=81"):
        ClickHouseReader(empty).check()


def test_an_id_is_data_not_sql(reader: ClickHouseReader) -> None:
    for odd in ("'", "\\", "' OR 1=1 --", "%(id)s", "{id:String}", "\x00"):
        assert list(reader.resolve(odd)) == []
