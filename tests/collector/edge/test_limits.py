"""What the edge takes at a time, seen from outside: real sockets, a real server, and a bus that holds requests on demand.

The bus is a fake: a store that is slow exactly as long as a test wants can't be had. `test_backpressure.py` has the real ones.
"""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from support.edge_server import MESSAGE, PROTOBUF, Running, running
from weftline.collector.errors import TryLater

pytestmark = pytest.mark.socket


@contextmanager
def one_under_way(it: Running) -> Iterator[None]:
    """While it lasts one request waits for the bus."""
    it.bus.open.clear()
    first = threading.Thread(target=it.post)
    first.start()
    while not it.bus.messages:
        time.sleep(0.01)
    try:
        yield
    finally:
        it.bus.open.set()
        first.join(20)


def test_when_the_bus_is_slow_senders_are_told_to_come_back_before_their_body_is_read() -> None:
    with running(pending=len(MESSAGE) + 100) as it:
        with one_under_way(it), socket.create_connection(("127.0.0.1", it.port), timeout=20) as sender:
            head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 5000\r\n\r\n"
            sender.sendall(head.encode())  # and no body
            answer = http.client.HTTPResponse(sender)
            answer.begin()
            assert (answer.status, answer.headers["retry-after"]) == (429, "1")
            status = Status.FromString(answer.read())
            assert status.code == 8
            assert "bytes are waiting to be stored" in status.message
        assert it.post().status == 200
        assert len(it.bus.messages) == 2


def test_a_body_of_unknown_length_is_held_as_it_grows() -> None:
    with running(pending=len(MESSAGE) + 2000) as it, one_under_way(it):
        connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=20)
        parts = iter([b"x" * 1000] * 3)
        connection.request("POST", "/v1/traces", parts, PROTOBUF, encode_chunked=True)
        assert connection.getresponse().status == 429
        connection.close()


def test_over_grpc_it_is_resource_exhausted_with_retry_info() -> None:
    """OTLP: without RetryInfo a sender must not retry RESOURCE_EXHAUSTED."""
    with running(pending=len(MESSAGE) + 100) as it:
        with one_under_way(it):
            error = refused(it)
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "bytes are waiting to be stored" in error.details()
            assert retry_info(error).retry_delay.seconds == 1
        it.bus.error = TryLater("Kafka is away", seconds=3)
        error = refused(it)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert retry_info(error).retry_delay.seconds == 3


def refused(it: Running) -> grpc.RpcError:
    with grpc.insecure_channel(f"127.0.0.1:{it.grpc_port}") as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as raised:
            export(MESSAGE, timeout=20)
    return raised.value


def retry_info(error: grpc.RpcError) -> RetryInfo:
    [details] = [value for name, value in error.trailing_metadata() if name == "grpc-status-details-bin"]
    status = Status.FromString(details)
    assert status.code == error.code().value[0]
    info = RetryInfo()
    assert status.details[0].Unpack(info)
    return info


def test_a_sender_that_sends_too_much_a_second_waits() -> None:
    with running(rate=len(MESSAGE) // 4) as it:
        assert it.post().status == 200
        answer = it.post()
        assert answer.status == 429
        assert 3 <= int(answer.headers["retry-after"]) <= 4
        assert b"bytes a second" in answer.body  # type: ignore[attr-defined]
        assert len(it.bus.messages) == 1


@pytest.mark.parametrize(
    "head",
    [
        b"x-one: " + b"a" * 9000 + b"\r\n\r\n",
        b"".join(b"x-%d: a\r\n" % n for n in range(2000)) + b"\r\n",
        b"x-endless: " + b"a" * 60_000,
    ],
    ids=["one", "many", "endless"],
)
def test_headers_are_bounded(head: bytes) -> None:
    with running() as it, socket.create_connection(("127.0.0.1", it.port), timeout=20) as sender:
        sender.sendall(b"POST /v1/traces HTTP/1.1\r\nhost: x\r\n" + head)
        answer = sender.recv(65536)
        assert answer.startswith(b"HTTP/1.1 431 "), answer
        assert it.post().status == 200


def test_a_long_request_line_is_a_header_too() -> None:
    with running() as it, socket.create_connection(("127.0.0.1", it.port), timeout=20) as sender:
        sender.sendall(b"POST /v1/traces?" + b"a" * 9000 + b" HTTP/1.1\r\nhost: x\r\n\r\n")
        assert sender.recv(65536).startswith(b"HTTP/1.1 431 ")


def test_many_requests_on_one_connection_are_not_added_up() -> None:
    with running() as it:
        connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=20)
        for _ in range(10):
            connection.request("POST", "/v1/traces", MESSAGE, PROTOBUF | {"x-padding": "a" * 4000})
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
        connection.close()


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"POST /v1/traces HTTP/1.1\r\nhost: ", b""),
        (b"", b""),
        (
            b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 5\r\n\r\nab",
            b"HTTP/1.1 408 ",
        ),
    ],
    ids=["headers", "nothing", "body"],
)
def test_a_sender_that_dawdles_is_let_go(sent: bytes, answer: bytes) -> None:
    with running(read=0.3) as it, socket.create_connection(("127.0.0.1", it.port), timeout=20) as sender:
        sender.sendall(sent)
        assert sender.recv(65536)[: len(b"HTTP/1.1 408 ")] == answer


def test_pages_of_allowed_origins_may_send() -> None:
    with running() as it:
        for origin, allowed in (("https://shop.example", "https://shop.example"), ("https://evil.example", None)):
            connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=20)
            asked = {
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "content-type",
            }
            connection.request("OPTIONS", "/v1/traces", headers=asked)
            preflight = connection.getresponse()
            preflight.read()
            assert preflight.status == (204 if allowed else 405)
            assert preflight.headers["access-control-allow-origin"] == allowed
            connection.close()
            assert it.post(origin=origin).headers["access-control-allow-origin"] == allowed
        assert it.post(b"\xff", origin="https://shop.example").headers["access-control-allow-origin"] is not None
