"""The gRPC plugins: real servers and clients on loopback, synchronous and with asyncio, unary and streaming."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from grpc import aio

import weftline.agent
from support.otlp_sink import OtlpSink
from weftline.agent import serve
from weftline.agent.context import Transaction
from weftline.agent.propagate import Incoming

pytestmark = pytest.mark.socket
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LOG = logging.getLogger("shop")
METHODS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


def answer(request: bytes, context: Any) -> bytes:
    LOG.info("serving %s", request.decode())
    if request == b"fails":
        raise LookupError("no such thing")
    if request == b"missing":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such order")
    if request == b"broken":
        context.set_code(grpc.StatusCode.INTERNAL)
    return str(weftline.agent.transaction_id()).encode()


def sync_handlers() -> dict[str, Any]:
    def unary_stream(request: bytes, context: Any) -> Iterator[bytes]:
        yield answer(request, context)
        yield answer(request, context)

    def stream_unary(requests: Iterator[bytes], context: Any) -> bytes:
        return [answer(request, context) for request in requests][-1]

    def stream_stream(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        for request in requests:
            yield answer(request, context)

    return {
        "unary_unary": grpc.unary_unary_rpc_method_handler(answer),
        "unary_stream": grpc.unary_stream_rpc_method_handler(unary_stream),
        "stream_unary": grpc.stream_unary_rpc_method_handler(stream_unary),
        "stream_stream": grpc.stream_stream_rpc_method_handler(stream_stream),
    }


def aio_handlers() -> dict[str, Any]:
    async def one(request: bytes, context: Any) -> bytes:
        await asyncio.sleep(0)
        if request == b"missing":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such order")
        return answer(request, context)

    async def unary_stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield await one(request, context)
        yield await one(request, context)

    async def stream_unary(requests: AsyncIterator[bytes], context: Any) -> bytes:
        return [await one(request, context) async for request in requests][-1]

    async def stream_stream(requests: AsyncIterator[bytes], context: Any) -> None:
        async for request in requests:
            await context.write(await one(request, context))

    return {
        "unary_unary": grpc.unary_unary_rpc_method_handler(one),
        "unary_stream": grpc.unary_stream_rpc_method_handler(unary_stream),
        "stream_unary": grpc.stream_unary_rpc_method_handler(stream_unary),
        "stream_stream": grpc.stream_stream_rpc_method_handler(stream_stream),
    }


@contextmanager
def sync_server() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Orders", sync_handlers()),))
    if hasattr(server, "add_registered_method_handlers"):  # since 1.64
        server.add_registered_method_handlers("shop.Orders", sync_handlers())
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@contextmanager
def aio_server() -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> tuple[Any, int]:
        server = aio.server()
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Orders", aio_handlers()),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, port

    server, port = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(0), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def sync_call(target: str, kind: str, request: bytes, metadata: Any = None) -> tuple[list[bytes], dict[str, str]]:
    """The responses and the metadata, initial and trailing."""
    with grpc.insecure_channel(target) as channel:
        method = getattr(channel, kind)(f"/shop.Orders/{kind}")
        sent = iter([request, request]) if kind.startswith("stream") else request
        if kind.endswith("stream"):
            call = method(sent, metadata=metadata, timeout=10)
            responses = list(call)
        else:
            response, call = method.with_call(sent, metadata=metadata, timeout=10)
            responses = [response]
        return responses, dict([*call.initial_metadata(), *call.trailing_metadata()])


async def one_and_no_more(request: bytes) -> AsyncIterator[bytes]:
    """A client that is still sending when the server fails: writing at that moment could fail as well."""
    yield request
    await asyncio.sleep(60)


def aio_call(target: str, kind: str, request: bytes, metadata: Any = None) -> tuple[list[bytes], dict[str, str]]:
    async def go() -> tuple[list[bytes], dict[str, str]]:
        async with aio.insecure_channel(target) as channel:
            method = getattr(channel, kind)(f"/shop.Orders/{kind}")
            sent: Any = request
            if kind.startswith("stream"):
                sent = iter([request, request]) if request == b"7" else one_and_no_more(request)
            call = method(sent, metadata=metadata, timeout=10)
            responses = [response async for response in call] if kind.endswith("stream") else [await call]
            return responses, dict([*await call.initial_metadata(), *await call.trailing_metadata()])

    return asyncio.run(go())


SERVERS = {"sync": sync_server, "aio": aio_server}
CALLS = {"sync": sync_call, "aio": aio_call}
Call = Callable[..., tuple[list[bytes], dict[str, str]]]


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


@pytest.fixture(params=SERVERS)
def side(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def in_request(flags: int = 1) -> Iterator[Transaction]:
    incoming = Incoming(int(TRACE, 16), int(SPAN, 16), flags, tracestate="a=1", request_id="r-1")
    request = serve.begin(incoming, "test", lambda _, attributes: "GET", None)
    try:
        yield request
    finally:
        serve.finish(request)


def pair(sink: OtlpSink) -> tuple[dict[str, Any], dict[str, Any]]:
    spans = sink.wait(lambda s: [x for x in s.spans() if "rpc.method" in x["attributes"]][1:] and s.spans())
    (client,) = (span for span in spans if span["kind"] == "CLIENT")
    (server,) = (span for span in spans if span["kind"] == "SERVER" and span["scope"][0] != "test")
    return client, server


@pytest.mark.parametrize("kind", METHODS)
def test_a_call_from_client_to_server(start_agent: Any, sink: OtlpSink, call: Call, side: str, kind: str) -> None:
    start_agent()
    with SERVERS[side]() as target, in_request() as request:
        responses, metadata = call(target, kind, b"7")
        assert weftline.agent.transaction_id() == TRACE
    client, server = pair(sink)
    assert set(responses) == {TRACE.encode()}
    assert metadata["x-transaction-id"] == TRACE
    assert (client["trace_id"], client["parent_id"]) == (TRACE, f"{request.span_id:016x}")
    assert (server["trace_id"], server["parent_id"], server["tracestate"]) == (TRACE, client["span_id"], "a=1")
    assert client["name"] == server["name"] == f"shop.Orders/{kind}"
    shared = {"rpc.system.name": "grpc", "rpc.method": f"shop.Orders/{kind}", "rpc.response.status_code": "OK"}
    port = int(target.rpartition(":")[2])
    assert client["attributes"] == {**shared, "server.address": "127.0.0.1", "server.port": port}
    assert server["attributes"] == {
        **shared,
        "client.address": "127.0.0.1",
        "http.request.header.x-request-id": ["r-1"],
    }
    assert (client["status"], server["status"]) == (0, 0)
    logs = sink.wait(lambda s: s.logs(logger="shop"))
    assert {(log["trace_id"], log["span_id"]) for log in logs} == {(TRACE, server["span_id"])}


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize(("request_", "code"), [(b"fails", "UNKNOWN"), (b"missing", "NOT_FOUND")])
def test_errors(start_agent: Any, sink: OtlpSink, call: Call, side: str, kind: str, request_: bytes, code: str) -> None:
    start_agent()
    with SERVERS[side]() as target, pytest.raises(grpc.RpcError) as caught:
        call(target, kind, request_)
    assert caught.value.code().name == code
    client, server = pair(sink)
    for span in (client, server):
        assert (span["kind"], span["attributes"]["rpc.response.status_code"]) == (span["kind"], code)
    assert (client["status"], client["attributes"]["error.type"]) == (2, code)
    if code == "UNKNOWN":
        assert (server["status"], server["attributes"]["error.type"]) == (2, "LookupError")
        assert [event["exception.message"] for event in server["events"]] == ["no such thing"]
    else:  # the caller's mistake
        assert (server["status"], server["events"]) == (0, [])
        assert "error.type" not in server["attributes"]


def test_sampled_out(start_agent: Any, sink: OtlpSink, call: Call, side: str) -> None:
    start_agent()
    with SERVERS[side]() as target, in_request(0):
        responses, metadata = call(target, "unary_unary", b"7")
    assert (responses, metadata["x-transaction-id"]) == ([TRACE.encode()], TRACE)
    (log,) = sink.wait(lambda s: s.logs(logger="shop"))
    assert (log["trace_id"], log["flags"]) == (TRACE, 0)
    weftline.agent.stop()
    assert sink.spans() == []


def test_outside_any_request_and_with_metadata_of_the_applications_own(
    start_agent: Any, sink: OtlpSink, call: Call
) -> None:
    start_agent()
    own = (("traceparent", f"00-{'c' * 32}-{'d' * 16}-01"), ("data-bin", b"\x00"))
    with sync_server() as target:
        call(target, "unary_unary", b"7")
        responses, _ = call(target, "unary_unary", b"8", own)
    first, second = sink.wait(lambda s: len(s.spans(kind="SERVER")) == 2 and s.spans(kind="SERVER"))
    clients = sink.wait(lambda s: len(s.spans(kind="CLIENT")) == 2 and s.spans(kind="CLIENT"))
    assert (first["trace_id"], first["parent_id"]) == (clients[0]["trace_id"], clients[0]["span_id"])
    assert responses == [b"c" * 32]
    assert (second["trace_id"], second["parent_id"]) == ("c" * 32, "d" * 16)


def test_nobody_answers(start_agent: Any, sink: OtlpSink, call: Call) -> None:
    start_agent()
    with pytest.raises(grpc.RpcError):
        call("127.0.0.1:1", "unary_unary", b"7")
    (span,) = sink.wait(lambda s: s.spans())
    assert (span["kind"], span["status"], span["attributes"]["error.type"]) == ("CLIENT", 2, "UNAVAILABLE")


def test_futures_end_their_spans(start_agent: Any, sink: OtlpSink) -> None:
    start_agent()
    with sync_server() as target, grpc.insecure_channel(target) as channel, in_request() as request:
        future = channel.unary_unary("/shop.Orders/unary_unary").future(b"7")
        assert weftline.agent.transaction_id() == TRACE
        assert future.result(10) == TRACE.encode()
    client, server = pair(sink)
    assert client["parent_id"] == f"{request.span_id:016x}"
    assert server["parent_id"] == client["span_id"]


def test_a_status_set_by_the_server(start_agent: Any, sink: OtlpSink, call: Call) -> None:
    start_agent()
    with sync_server() as target, pytest.raises(grpc.RpcError):
        call(target, "unary_unary", b"broken")
    client, server = pair(sink)
    assert [span["attributes"]["rpc.response.status_code"] for span in (client, server)] == ["INTERNAL"] * 2
    assert (server["status"], server["attributes"]["error.type"]) == (2, "INTERNAL")
