"""Jaeger's query services over gRPC, asked through a real channel on loopback: shapes, status codes and texts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from support import shop
from support.rows import MS, START, TRANSACTION, RowsReader, RowsSearcher, hit, span
from weftline.collector.errors import AskOtherwise, Misconfigured
from weftline.collector.store.conditions import AnyOf
from weftline.collector.store.protocol import Row, SpanEvent
from weftline.collector.store.red import Dependency
from weftline.query.grpc.messages import METHODS, V2, V3, message
from weftline.query.grpc.server import create_server
from weftline.query.routes.jaeger_search import TraceQuery
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.socket

ID = bytes.fromhex(TRANSACTION)


@pytest.fixture
def reader() -> RowsReader:
    return RowsReader([_hexadecimal(row) for row in shop.success()])


def _hexadecimal(row: Row) -> Row:
    """The shop's ids are names; on the wire they are bytes."""
    ids = {name: getattr(row, name) for name in ("span_id", "parent_span_id", "upstream_span_id") if hasattr(row, name)}
    return replace(row, **{name: one.replace("o", "d").replace("p", "f") for name, one in ids.items()})  # type: ignore[arg-type]


@pytest.fixture
def searcher() -> RowsSearcher:
    return RowsSearcher([hit(TRANSACTION)])


@contextmanager
def serving(reader: RowsReader, searcher: RowsSearcher) -> Iterator[grpc.Channel]:
    server, port = create_server(reader, searcher, QuerySettings(grpc_port=0))
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        server.stop(None).wait()


@pytest.fixture
def channel(reader: RowsReader, searcher: RowsSearcher) -> Iterator[grpc.Channel]:
    with serving(reader, searcher) as channel:
        yield channel


def ask(channel: grpc.Channel, package: str, name: str, **fields: Any) -> Any:
    """The answer, or the list of them where the method streams."""
    method = next(one for one in METHODS[package] if one.name == name)
    make = channel.unary_stream if method.streams else channel.unary_unary
    call = make(
        f"/{package}.QueryService/{name}",
        request_serializer=message(package, method.request).SerializeToString,
        response_deserializer=message(package, method.answer).FromString,
    )
    answer = call(message(package, method.request)(**fields), timeout=30)
    return list(answer) if method.streams else answer


def refused(channel: grpc.Channel, package: str, name: str, **fields: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        ask(channel, package, name, **fields)
    return caught.value.code(), caught.value.details()


def query(package: str, **fields: Any) -> Any:
    times = {"start_time_min": {"seconds": START // 10**9 - 1}, "start_time_max": {"seconds": START // 10**9 + 1}}
    return message(package, "TraceQueryParameters")(**{**times, **fields})


# --- both versions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", [V2, V3])
def test_services(channel: grpc.Channel, package: str) -> None:
    assert list(ask(channel, package, "GetServices").services) == ["cart", "edge", "payment"]


@pytest.mark.parametrize("package", [V2, V3])
def test_operations(channel: grpc.Channel, reader: RowsReader, package: str) -> None:
    reader.rows = [span("b", "1", kind="unspecified"), span("a", "2", kind="server"), span("a", "3", kind="client")]
    answer = ask(channel, package, "GetOperations", service="cart")
    assert [(one.name, one.span_kind) for one in answer.operations] == [("a", "client"), ("a", "server"), ("b", "")]
    if package == V2:
        assert list(answer.operationNames) == ["a", "b"]
    answer = ask(channel, package, "GetOperations", service="cart", span_kind="server")
    assert [(one.name, one.span_kind) for one in answer.operations] == [("a", "server")]


@pytest.mark.parametrize(("package", "unknown"), [(V2, b"\1" * 16), (V3, "1" * 32)])
def test_an_unknown_trace_is_not_found(channel: grpc.Channel, package: str, unknown: object) -> None:
    assert refused(channel, package, "GetTrace", trace_id=unknown) == (grpc.StatusCode.NOT_FOUND, "trace not found")


@pytest.mark.parametrize("package", [V2, V3])
def test_a_search_without_a_query_is_refused(channel: grpc.Channel, package: str) -> None:
    assert refused(channel, package, "FindTraces") == (grpc.StatusCode.INVALID_ARGUMENT, "missing query")


@pytest.mark.parametrize("package", [V2, V3])
def test_what_is_asked_becomes_the_search(channel: grpc.Channel, searcher: RowsSearcher, package: str) -> None:
    attributes = {"tags" if package == V2 else "attributes": {"error": "true"}}
    asked = query(package, service_name="cart", operation_name="GET /", duration_min={"nanos": 7}, **attributes)
    assert ask(channel, package, "FindTraces", query=asked)
    condition, _ = searcher.asked[0]
    second = 10**9
    wanted = TraceQuery(START - second, START + second, "cart", "GET /", 7, 0, {"error": "true"})
    assert condition == wanted.question(proxies=True).condition
    assert isinstance(condition, AnyOf)


@pytest.mark.parametrize(("depth", "found"), [(0, 100), (-1, 100), (7, 7), (1000, 101)])
def test_a_search_has_a_depth(
    channel: grpc.Channel, reader: RowsReader, searcher: RowsSearcher, depth: int, found: int
) -> None:
    ids = [f"{number:032x}" for number in range(1, 102)]
    reader.rows = [span("x", "a", transaction=one) for one in ids]
    searcher.hits = [hit(one) for one in ids]
    chunks = ask(channel, V2, "FindTraces", query=query(V2, search_depth=depth))
    assert sum(len(chunk.spans) for chunk in chunks) == found
    assert len(ask(channel, V3, "FindTraces", query=query(V3, search_depth=depth))) == found


@pytest.mark.parametrize("package", [V2, V3])
def test_a_store_that_is_away_is_unavailable(channel: grpc.Channel, reader: RowsReader, package: str) -> None:
    reader.away = "gone."
    code, text = refused(channel, package, "GetServices")
    assert (code, text) == (grpc.StatusCode.UNAVAILABLE, "The store can't answer now: gone.")


@pytest.mark.parametrize("package", [V2, V3])
def test_a_search_too_large_says_so(channel: grpc.Channel, searcher: RowsSearcher, package: str) -> None:
    searcher.refuse = lambda window: AskOtherwise("it takes too long")
    code, text = refused(channel, package, "FindTraces", query=query(package))
    assert (code, "it takes too long" in text) == (grpc.StatusCode.INVALID_ARGUMENT, True)


@pytest.mark.parametrize("package", [V2, V3])
def test_dependencies(channel: grpc.Channel, reader: RowsReader, package: str) -> None:
    reader.edges = [Dependency("cart", "payment", 7, 1, ())]
    times = {"start_time": {"seconds": 5}, "end_time": {"seconds": 9}}
    (one,) = ask(channel, package, "GetDependencies", **times).dependencies
    assert (one.parent, one.child, one.call_count) == ("cart", "payment", 7)
    assert reader.asked == (5 * 10**9, 9 * 10**9)


@pytest.mark.parametrize(
    ("package", "times", "text"),
    [
        (V2, {}, "StartTime and EndTime must be initialized."),
        (V3, {"start_time": {"seconds": 5}}, "start_time and end_time are required"),
        (V3, {"start_time": {"seconds": 5}, "end_time": {"seconds": 5}}, "end_time must be after start_time"),
    ],
)
def test_dependencies_of_no_time_are_refused(channel: grpc.Channel, package: str, times: Any, text: str) -> None:
    assert refused(channel, package, "GetDependencies", **times) == (grpc.StatusCode.INVALID_ARGUMENT, text)


# --- api_v2 -------------------------------------------------------------------------------------------------------


def test_v2_a_span_in_full(channel: grpc.Channel, reader: RowsReader) -> None:
    reader.rows = [
        span(
            "GET /pay", "b", "a", ms=1, took=2, service="payment", kind="server", status="error", scope=("flask", "3"),
            attributes={"http.response.status_code": "503"}, resource={"host.name": "h"},
            events=[SpanEvent(START + 1_500, "exception", {"exception.type": "ValueError"})],
        )
    ]  # fmt: skip
    (chunk,) = ask(channel, V2, "GetTrace", trace_id=ID)
    (one,) = chunk.spans
    assert (one.trace_id, one.span_id, one.operation_name) == (ID, bytes.fromhex("000000000000000b"), "GET /pay")
    assert one.start_time.ToNanoseconds() == START + MS
    assert one.duration.ToNanoseconds() == 2 * MS
    (reference,) = one.references
    assert (reference.trace_id, reference.span_id, reference.ref_type) == (ID, bytes.fromhex("000000000000000a"), 0)
    tags = {tag.key: tag for tag in one.tags}
    assert (tags["span.kind"].v_type, tags["span.kind"].v_str) == (0, "server")
    assert (tags["error"].v_type, tags["error"].v_bool) == (1, True)
    assert (tags["http.response.status_code"].v_type, tags["http.response.status_code"].v_int64) == (2, 503)
    assert (one.process.service_name, one.process.tags[0].v_str) == ("payment", "h")
    (log,) = one.logs
    assert log.timestamp.ToMicroseconds() == START // 1000 + 1
    assert [field.v_str for field in log.fields] == ["exception", "ValueError"]


def test_v2_spans_come_in_chunks_of_ten(channel: grpc.Channel, reader: RowsReader) -> None:
    reader.rows = [span("x", f"{number:x}") for number in range(1, 24)]
    assert [len(chunk.spans) for chunk in ask(channel, V2, "GetTrace", trace_id=ID)] == [10, 10, 3]
    assert [len(chunk.spans) for chunk in ask(channel, V2, "FindTraces", query=query(V2))] == [10, 10, 3]


def test_v2_ids_may_have_eight_bytes(channel: grpc.Channel, reader: RowsReader) -> None:
    reader.rows = [span("x", "a", transaction="00000000000000ab".rjust(32, "0"))]
    (chunk,) = ask(channel, V2, "GetTrace", trace_id=bytes.fromhex("00000000000000ab"))
    assert chunk.spans[0].trace_id == bytes.fromhex("00000000000000ab".rjust(32, "0"))


@pytest.mark.parametrize("method", ["GetTrace", "ArchiveTrace"])
def test_v2_an_id_is_required(channel: grpc.Channel, method: str) -> None:
    for empty in (b"", b"\0" * 16):
        assert refused(channel, V2, method, trace_id=empty) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "uninitialized TraceID is not allowed",
        )


def test_v2_there_is_no_archive(channel: grpc.Channel) -> None:
    assert refused(channel, V2, "ArchiveTrace", trace_id=ID) == (
        grpc.StatusCode.INTERNAL,
        "failed to archive trace: archive span storage was not configured",
    )


# --- api_v3 -------------------------------------------------------------------------------------------------------


def test_v3_a_trace_is_one_message_of_otlp(channel: grpc.Channel) -> None:
    for answer in (
        ask(channel, V3, "GetTrace", trace_id=TRANSACTION.upper()),
        ask(channel, V3, "FindTraces", query=query(V3)),
    ):
        (data,) = answer
        spans = [one for of in data.resource_spans for scope in of.scope_spans for one in scope.spans]
        assert {one.trace_id for one in spans} == {ID}
        assert len(spans) == 11
        assert min(one.start_time_unix_nano for one in spans) == START


def test_v3_summaries(channel: grpc.Channel, searcher: RowsSearcher) -> None:
    (answer,) = ask(channel, V3, "FindTraceSummaries", query=query(V3))
    (one,) = answer.summaries
    assert (one.trace_id, one.root_service_name, one.span_count) == (TRANSACTION, "edge", 11)
    assert one.min_start_time_unix_nano == START
    assert [of.name for of in one.services] == ["cart", "edge", "payment"]
    searcher.hits = []
    assert ask(channel, V3, "FindTraceSummaries", query=query(V3)) == []


def test_v3_a_malformed_id_is_refused(channel: grpc.Channel) -> None:
    code, text = refused(channel, V3, "GetTrace", trace_id="xyz")
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert text == 'malform trace ID: strconv.ParseUint: parsing "xyz": invalid syntax'


@pytest.mark.parametrize("method", ["FindTraces", "FindTraceSummaries"])
def test_v3_times_are_required(channel: grpc.Channel, method: str) -> None:
    asked = message(V3, "TraceQueryParameters")(service_name="cart")
    assert refused(channel, V3, method, query=asked) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "start time min and max are required parameters",
    )


# --- the server ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["", "jaeger.api_v2.QueryService", "jaeger.api_v3.QueryService", "jaeger.api_v2.metrics.MetricsQueryService"],
)
def test_it_says_that_it_is_well(channel: grpc.Channel, name: str) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    assert stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=30).status == 1


def test_it_describes_itself(channel: grpc.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="jaeger.api_v3.QueryService"),
    ]
    listed, file = stub.ServerReflectionInfo(iter(requests), timeout=30)
    assert {one.name for one in listed.list_services_response.service} == {
        "jaeger.api_v2.QueryService",
        "jaeger.api_v3.QueryService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert file.file_descriptor_response.file_descriptor_proto
    service = descriptor_pool.Default().FindServiceByName("jaeger.api_v3.QueryService")
    assert [(one.name, one.server_streaming) for one in service.methods] == [
        ("GetTrace", True),
        ("FindTraces", True),
        ("GetServices", False),
        ("GetOperations", False),
        ("GetDependencies", False),
        ("FindTraceSummaries", True),
    ]


def test_a_port_that_is_taken_is_one_sentence(reader: RowsReader, searcher: RowsSearcher) -> None:
    server, port = create_server(reader, searcher, QuerySettings(grpc_port=0))
    with pytest.raises(Misconfigured, match="WEFTLINE_QUERY_GRPC_PORT"):
        create_server(reader, searcher, QuerySettings(grpc_port=port))
    server.stop(None).wait()
