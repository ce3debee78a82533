"""Who may send to the edge, over every one of its ways in, and whose rows it makes: a real edge, a real ClickHouse."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc.status_pb2 import Status
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from support import als
from support.access import Tokens, tokens
from support.edge_app import EdgeApp
from support.jaeger_idl import ttypes as jaeger
from support.otlp import access_log, logs_request, span, spans_request
from support.roles import Edge, eventually, metrics
from weftline.collector.edge.envoy_als import SERVICE
from weftline.collector.edge.otlp_requests import LOGS, METRICS, TRACES
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.deploy.local.process import ProcessDied

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"


def zipkin() -> bytes:
    return json.dumps([{"traceId": TX, "id": "00000000000000a3", "timestamp": 1_795_000_000_000_000}]).encode()


def thrift() -> bytes:
    one = jaeger.Span(
        traceIdLow=0x8448EB211C80319C - (1 << 64), traceIdHigh=0x0AF7651916CD43DD, spanId=0xA4, parentSpanId=0,
        operationName="x", flags=1, startTime=1_795_000_000_000_000, duration=1,
    )  # fmt: skip
    buffer = TMemoryBuffer()
    jaeger.Batch(jaeger.Process("old"), [one]).write(TBinaryProtocol(buffer))
    return buffer.getvalue()


HTTP = {
    "/v1/traces": ("application/x-protobuf", lambda: spans_request(span(TX, "00000000000000a1"))),
    "/v1/logs": (
        "application/x-protobuf",
        lambda: logs_request(access_log(TX, "00000000000000a2", response_code="503")),
    ),
    "/v1/metrics": ("application/json", lambda: b"{}"),
    "/api/v2/spans": ("application/json", zipkin),
    "/api/traces": ("application/x-thrift", thrift),
}
"""A request for every path of the edge."""
GRPC = {
    f"/{TRACES.grpc}/Export": lambda: spans_request(span(TX, "00000000000000a5")),
    f"/{LOGS.grpc}/Export": lambda: logs_request(access_log(TX, "00000000000000a6")),
    f"/{METRICS.grpc}/Export": lambda: b"",
    f"/{SERVICE}/StreamAccessLogs": lambda: als.http_message(
        als.http_entry(als.common(stream_id="s", tags={"trace_id": TX}), als.request(path="/als"), als.response()),
        who=als.identifier("cart-1", "cart"),
    ),
}


@pytest.fixture
def made(tmp_path: Path) -> Tokens:
    return tokens(tmp_path)


@pytest.fixture
def edge(tmp_path: Path, store: ClickHouseSettings, made: Tokens) -> Iterator[Edge]:
    more = {"WEFTLINE_ACCESS_TOKENS_FILE": made.file, "WEFTLINE_EDGE_HOST": "0.0.0.0"}
    with Edge(tmp_path, store, WEFTLINE_EDGE_DIRECT_LINGER=0.01, **more) as edge:
        yield edge


def post(edge: Edge, path: str, headers: dict[str, str]) -> tuple[int, bytes, str]:
    """Status, body, WWW-Authenticate."""
    content_type, body = HTTP[path]
    request = urllib.request.Request(edge.url(path), body(), {"content-type": content_type, **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers["www-authenticate"] or ""


def call(edge: Edge, method: str, headers: dict[str, str]) -> tuple[grpc.StatusCode, str]:
    """Status and www-authenticate."""
    with grpc.insecure_channel(f"127.0.0.1:{edge.grpc_port}") as channel:
        streams = method.endswith("StreamAccessLogs")
        request = iter([GRPC[method]()]) if streams else GRPC[method]()
        send = (channel.stream_unary if streams else channel.unary_unary)(method)
        try:
            send(request, timeout=30, metadata=list(headers.items()))
        except grpc.RpcError as error:
            return error.code(), dict(error.trailing_metadata()).get("www-authenticate", "")
        return grpc.StatusCode.OK, ""


def rows(store: ClickHouseSettings, table: str) -> set[tuple[str, str]]:
    """(tenant, span id) of all rows."""
    with connect(store) as client:
        column = "stream_id" if table == "streams" else "lower(hex(span_id))"
        table = "access_logs" if table == "streams" else table
        return set(client.execute(f"SELECT toString(tenant), {column} FROM {table}"))


def test_no_way_into_the_edge_is_forgotten_here() -> None:
    app = EdgeApp()
    assert set(HTTP) == set(app.paths)
    app.close()


def test_every_way_in_wants_a_token_and_makes_rows_of_its_tenant(
    edge: Edge, store: ClickHouseSettings, made: Tokens
) -> None:
    wrong = {"authorization": "Bearer wft_wrong"}
    for path in HTTP:
        for headers in ({}, wrong):
            status, body, challenge = post(edge, path, headers)
            assert (status, challenge) == (401, 'Bearer realm="weftline"'), path
            assert made.secrets["a"].encode() not in body
        status, _, challenge = post(edge, path, made.bearer("reader"))
        assert (status, challenge) == (403, 'Bearer realm="weftline", error="insufficient_scope"'), path
    for method in GRPC:
        for headers in ({}, wrong):
            assert call(edge, method, headers) == (grpc.StatusCode.UNAUTHENTICATED, 'Bearer realm="weftline"'), method
        assert call(edge, method, made.bearer("reader"))[0] is grpc.StatusCode.PERMISSION_DENIED, method
    for table in ("spans", "logs", "access_logs", "transactions"):
        with connect(store) as client:
            assert client.execute(f"SELECT count() FROM {table}") == [(0,)], table
    body = post(edge, "/v1/traces", {})[1]
    assert Status.FromString(body).code == 16, "an OTLP error is a google.rpc.Status"
    said = metrics(edge.http_port)
    assert (
        said['weftline_requests_total{outcome="refused",protocol="zipkin",reason="forbidden",signal="otlp_spans"}'] == 1
    )
    assert (
        said[
            'weftline_requests_total{outcome="refused",protocol="envoy_als",reason="unauthenticated",signal="envoy_als"}'
        ]
        == 2
    )
    for tenant in ("a", "b"):
        for path in HTTP:
            assert post(edge, path, made.bearer(tenant))[0] in (200, 202), path
        for method in GRPC:
            assert call(edge, method, made.bearer(tenant))[0] is grpc.StatusCode.OK, method
    post(edge, "/v1/traces", {**made.bearer("admin"), "x-scope-orgid": "c"})
    assert rows(store, "spans") == {(tenant, f"{n:016x}") for tenant in "ab" for n in (0xA1, 0xA3, 0xA4, 0xA5)} | {
        ("c", "00000000000000a1")
    }, "the same bytes of two tenants are rows of both"
    assert {it for it in rows(store, "access_logs") if it[1].strip("0")} == {
        (tenant, f"{n:016x}") for tenant in "ab" for n in (0xA2, 0xA6)
    }
    assert eventually(lambda: (found := rows(store, "streams")) >= {("a", "s"), ("b", "s")} and found)
    log = edge.log.read_text()
    assert not [name for name, secret in made.secrets.items() if secret in log]


def test_health_and_metrics_ask_nobody(edge: Edge) -> None:
    for path in ("/health", "/metrics"):
        with urllib.request.urlopen(edge.url(path), timeout=30) as answer:
            assert answer.status == 200


def test_a_token_that_is_withdrawn_no_longer_counts(edge: Edge, made: Tokens) -> None:
    assert post(edge, "/v1/traces", made.bearer("a"))[0] == 200
    made.file.write_text("".join(line for line in made.file.read_text().splitlines(keepends=True) if '"a"' not in line))
    eventually(lambda: post(edge, "/v1/traces", made.bearer("a"))[0] == 401)
    assert post(edge, "/v1/traces", made.bearer("b"))[0] == 200


def test_an_edge_that_others_can_reach_wants_to_know_who_may(tmp_path: Path, store: ClickHouseSettings) -> None:
    edge = Edge(tmp_path, store, WEFTLINE_EDGE_HOST="0.0.0.0")
    with pytest.raises(ProcessDied, match="exit code 2"), edge:
        pass
    said = edge.log.read_text()
    assert (
        "weftline: The edge would listen on 0.0.0.0 for anybody: name who may with WEFTLINE_ACCESS_TOKENS_FILE" in said
    )
    assert "Traceback" not in said
