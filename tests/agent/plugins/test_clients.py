"""The HTTP client plugins, each with its real library against a real server."""

import asyncio
import http.client
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_http_instrumentation
from opentelemetry.sdk.trace import TracerProvider
from requests.adapters import HTTPAdapter
from tornado.httpclient import AsyncHTTPClient

import weftline.agent
from support.echo import Echo, echo_server
from support.otlp_sink import OtlpSink
from weftline.agent import serve
from weftline.agent.context import Transaction
from weftline.agent.plugins import requests as requests_plugin
from weftline.agent.plugins import urllib3 as urllib3_plugin
from weftline.agent.propagate import Incoming

pytestmark = pytest.mark.socket
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def with_requests(url: str, **options: Any) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=5, **options).status_code


def with_httpx(url: str, **options: Any) -> int:
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        return client.get(url, **options).status_code


def with_httpx_async(url: str, **options: Any) -> int:
    async def go() -> int:
        async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as client:
            return (await client.get(url, **options)).status_code

    return asyncio.run(go())


def with_urllib3(url: str, **options: Any) -> int:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", url, timeout=5, retries=urllib3.Retry(connect=False, redirect=5), **options).status


def with_urllib_request(url: str, headers: dict[str, str] | None = None) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=headers or {}), timeout=5) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def with_aiohttp(url: str, **options: Any) -> int:
    async def go() -> int:
        async with aiohttp.ClientSession() as session, session.get(url, **options) as answer:
            await answer.read()
            return answer.status

    return asyncio.run(go())


def with_tornado(url: str, **options: Any) -> int:
    async def go() -> int:
        client = AsyncHTTPClient(force_instance=True)
        try:
            answer = await client.fetch(url, raise_error=False, **options)
            if answer.code == 599:
                answer.rethrow()
            return answer.code
        finally:
            client.close()

    return asyncio.run(go())


EACH_HOP = {
    "requests": with_requests,
    "httpx": with_httpx,
    "httpx-async": with_httpx_async,
    "urllib3": with_urllib3,
    "urllib.request": with_urllib_request,
}
CLIENTS = {**EACH_HOP, "aiohttp": with_aiohttp, "tornado": with_tornado}
Get = Callable[..., int]


@pytest.fixture(params=CLIENTS)
def get(request: pytest.FixtureRequest) -> Get:
    return CLIENTS[request.param]


@pytest.fixture
def echo() -> Iterator[Echo]:
    with echo_server() as echo:
        yield echo


@contextmanager
def in_request(flags: int | None = 1, **more: Any) -> Iterator[Transaction]:
    """Inside a server request, as a server plugin would begin it."""

    def describe(_: object, attributes: dict[str, Any]) -> str:
        return "GET"

    incoming = Incoming(int(TRACE, 16), int(SPAN, 16), flags, **more) if flags is not None else Incoming()
    request = serve.begin(incoming, "test", describe, None)
    try:
        yield request
    finally:
        serve.finish(request)


def client_spans(sink: OtlpSink, count: int = 1) -> list[dict[str, Any]]:
    return sink.wait(lambda s: len(s.spans(kind="CLIENT")) >= count and s.spans(kind="CLIENT"))


def test_a_call_inside_a_request(start_agent: Any, sink: OtlpSink, echo: Echo, get: Get) -> None:
    start_agent()
    with in_request(tracestate="a=1", request_id="r-1") as request:
        assert get(f"{echo.url}/x?a=1&Signature=secret") == 200
        assert weftline.agent.transaction_id() == TRACE
    (span,) = client_spans(sink)
    ((_, headers),) = echo.got
    assert headers["traceparent"] == f"00-{TRACE}-{span['span_id']}-01"
    assert (headers["tracestate"], headers["x-request-id"], headers["x-transaction-id"]) == ("a=1", "r-1", TRACE)
    assert (span["parent_id"], span["name"], span["status"]) == (f"{request.span_id:016x}", "GET", 0)
    assert span["attributes"] == {
        "http.request.method": "GET",
        "url.full": f"{echo.url}/x?a=1&Signature=REDACTED",
        "server.address": "127.0.0.1",
        "server.port": httpx.URL(echo.url).port,
        "http.response.status_code": 200,
    }


def test_a_call_outside_any_request_begins_a_transaction(
    start_agent: Any, sink: OtlpSink, echo: Echo, get: Get
) -> None:
    start_agent()
    get(f"{echo.url}/x")
    (span,) = client_spans(sink)
    ((_, headers),) = echo.got
    assert headers["traceparent"] == f"00-{span['trace_id']}-{span['span_id']}-03"
    assert headers["x-transaction-id"] == span["trace_id"]
    assert "x-request-id" not in headers
    assert span["parent_id"] == ""
    assert weftline.agent.transaction_id() is None


def test_sampled_out_the_servers_span_id_goes_out(start_agent: Any, sink: OtlpSink, echo: Echo, get: Get) -> None:
    start_agent()
    with in_request(0, request_id="r-1", tracestate="a=1") as request:
        get(f"{echo.url}/x")
        get(f"{echo.url}/y")
    expected = {
        "traceparent": f"00-{TRACE}-{request.span_id:016x}-00",
        "tracestate": "a=1",
        "x-request-id": "r-1",
        "x-transaction-id": TRACE,
    }
    assert [{name: headers.get(name) for name in expected} for _, headers in echo.got] == [expected, expected]
    weftline.agent.stop()
    assert sink.spans() == []


def test_sampled_out_a_layer_below_leaves_the_headers_to_the_one_above(start_agent: Any) -> None:
    start_agent()
    with in_request(0) as request:
        above = {"traceparent": f"00-{TRACE}-{request.span_id:016x}-00", "x-transaction-id": TRACE}
        pool = urllib3.HTTPConnectionPool("127.0.0.1", 1)
        carrier, token = urllib3_plugin.enter(pool, "GET", "/x", above)
        assert carrier is above
        assert token is None
        carrier, token = urllib3_plugin.enter(pool, "GET", "/x", {"traceparent": f"00-{'1' * 32}-{SPAN}-01"})
        assert carrier is not None
        assert carrier["x-transaction-id"] == "1" * 32  # the application's own: nobody above has been here
        assert token is not None


def test_sampled_out_outside_any_request(start_agent: Any, sink: OtlpSink, echo: Echo, get: Get) -> None:
    start_agent(OTEL_TRACES_SAMPLER="always_off")
    get(f"{echo.url}/x")
    ((_, headers),) = echo.got
    assert headers["traceparent"].endswith("-02")
    assert headers["traceparent"][3:35] == headers["x-transaction-id"]
    weftline.agent.stop()
    assert sink.spans() == []


@pytest.mark.parametrize("status", [404, 503])
def test_error_statuses(start_agent: Any, sink: OtlpSink, echo: Echo, get: Get, status: int) -> None:
    start_agent()
    assert get(f"{echo.url}/status/{status}") == status
    (span,) = client_spans(sink)
    assert span["attributes"]["http.response.status_code"] == status
    assert (span["attributes"]["error.type"], span["status"]) == (str(status), 2)


def test_no_answer(start_agent: Any, sink: OtlpSink, get: Get) -> None:
    start_agent()
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        user = "" if get is with_urllib_request else "user:password@"  # which would take it for the host's name
        with in_request(), pytest.raises((OSError, httpx.ConnectError, urllib3.exceptions.HTTPError)) as caught:
            get(f"http://{user}127.0.0.1:{port}/x")
    (span,) = client_spans(sink)
    assert span["attributes"]["url.full"] == f"http://REDACTED:REDACTED@127.0.0.1:{port}/x" or (
        span["attributes"]["url.full"] == f"http://127.0.0.1:{port}/x"  # requests has moved them to a header by now
    )
    cause = getattr(caught.value, "reason", caught.value)  # urllib.request wraps what http.client raised
    assert span["attributes"]["error.type"].endswith(type(cause).__name__)
    assert [event["name"] for event in span["events"]] == ["exception"]
    assert span["status"] == 2
    weftline.agent.stop()
    assert b"password" not in b"".join(body for path, _, body in sink.requests if "traces" in path)


@pytest.mark.parametrize("get", EACH_HOP, indirect=True)
def test_redirects_are_spans_of_their_own(start_agent: Any, sink: OtlpSink, echo: Echo, get: Get) -> None:
    start_agent()
    with in_request() as request:
        assert get(f"{echo.url}/redirect") == 200
    spans = client_spans(sink, 2)
    assert [span["attributes"]["http.response.status_code"] for span in spans] == [302, 200]
    assert {span["parent_id"] for span in spans} == {f"{request.span_id:016x}"}
    assert [headers["traceparent"][36:52] for _, headers in echo.got] == [span["span_id"] for span in spans]


@pytest.mark.parametrize("get", sorted(set(CLIENTS) - set(EACH_HOP)), indirect=True)
def test_redirects_inside_a_client_are_one_span(start_agent: Any, sink: OtlpSink, echo: Echo, get: Get) -> None:
    start_agent()
    with in_request():
        assert get(f"{echo.url}/redirect") == 200
    weftline.agent.stop()
    (span,) = client_spans(sink)
    assert span["attributes"]["http.response.status_code"] == 200
    assert span["attributes"]["url.full"] == f"{echo.url}/redirect"
    assert [headers["traceparent"][36:52] for _, headers in echo.got] == [span["span_id"]] * 2


def test_http_client_by_itself(start_agent: Any, sink: OtlpSink, echo: Echo) -> None:
    start_agent()
    connection = http.client.HTTPConnection("127.0.0.1", httpx.URL(echo.url).port, timeout=5)
    headers = {"X-Own": "1"}
    with in_request() as request:
        for _ in range(2):
            connection.request("GET", "/x", headers=headers)
            assert trace.get_current_span() is request.span  # between the two halves the caller goes on
            connection.getresponse().read()
    connection.close()
    spans = client_spans(sink, 2)
    assert headers == {"X-Own": "1"}
    assert [got["traceparent"][36:52] for _, got in echo.got] == [span["span_id"] for span in spans]
    assert {got["x-own"] for _, got in echo.got} == {"1"}
    assert {span["attributes"]["url.full"] for span in spans} == {f"{echo.url}/x"}


def test_whoever_suppresses_instrumentation_gets_none(start_agent: Any, sink: OtlpSink, echo: Echo, get: Get) -> None:
    start_agent()
    with in_request(), suppress_http_instrumentation():
        assert get(f"{echo.url}/x") == 200
    assert not {"traceparent", "x-transaction-id"} & set(echo.got[0][1])
    weftline.agent.stop()
    assert sink.spans(kind="CLIENT") == []


def test_the_agents_own_exports_are_not_traced(start_agent: Any, sink: OtlpSink) -> None:
    start_agent()
    with in_request():
        pass
    sink.wait(lambda s: s.spans())
    weftline.agent.stop()
    assert [span["kind"] for span in sink.spans()] == ["SERVER"]
    assert not any("traceparent" in headers for _, headers, _ in sink.requests)


def test_aiohttps_headers_and_base_url(start_agent: Any, sink: OtlpSink, echo: Echo) -> None:
    async def go() -> None:
        async with aiohttp.ClientSession(f"{echo.url}/", headers={"X-Session": "s", "X-Both": "s"}) as session:
            async with session.get(
                "/x", headers=[("X-Both", "1"), ("X-Both", "2")], params={"sig": "secret"}
            ) as answer:
                await answer.read()
            assert dict(session.headers) == {"X-Session": "s", "X-Both": "s"}

    start_agent()
    asyncio.run(go())
    (span,) = client_spans(sink)
    ((path, headers),) = echo.got
    assert path == "/x?sig=secret"
    assert (headers["x-session"], headers["x-both"]) == ("s", "2")  # the echo keeps the last of two
    assert span["attributes"]["url.full"] == f"{echo.url}/x?sig=REDACTED"


def test_the_applications_own_headers_stay(start_agent: Any, sink: OtlpSink, echo: Echo, get: Get) -> None:
    start_agent()
    own = {"traceparent": f"00-{'c' * 32}-{'d' * 16}-01", "X-Request-Id": "own"}
    with in_request(request_id="r-1"):
        get(f"{echo.url}/x", headers=own)
    ((_, headers),) = echo.got
    assert (headers["traceparent"], headers["x-request-id"]) == (own["traceparent"], "own")
    assert headers["x-transaction-id"] == "c" * 32


def test_a_request_object_looks_as_before_and_can_be_sent_twice(start_agent: Any, sink: OtlpSink, echo: Echo) -> None:
    start_agent()
    with requests.Session() as session:
        prepared = session.prepare_request(requests.Request("GET", f"{echo.url}/x"))
        before = dict(prepared.headers)
        session.send(prepared)
        session.send(prepared)
    assert dict(prepared.headers) == before
    with httpx.Client(trust_env=False) as client:
        request = client.build_request("GET", f"{echo.url}/x")
        raw = request.headers.raw
        client.send(request)
        client.send(request)
    assert request.headers.raw == raw
    assert len({headers["traceparent"] for _, headers in echo.got}) == 4


def test_concurrent_calls_do_not_mix(start_agent: Any, sink: OtlpSink, echo: Echo) -> None:
    start_agent()

    async def go(number: int) -> tuple[str | None, str]:
        request = serve.begin(Incoming(number, 1, 1), "test", lambda _, attributes: "GET", None)
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{echo.url}/{number}")
        inside = weftline.agent.transaction_id()
        serve.finish(request)
        return inside, answer.json()["x-transaction-id"]

    async def main() -> list[tuple[str | None, str]]:
        return await asyncio.gather(*(asyncio.create_task(go(number)) for number in range(1, 21)))

    assert asyncio.run(main()) == [(f"{number:032x}", f"{number:032x}") for number in range(1, 21)]


def test_under_a_span_of_the_applications_own_sdk(start_agent: Any, sink: OtlpSink, echo: Echo, get: Get) -> None:
    start_agent()
    tracer = TracerProvider().get_tracer("app")
    with in_request(request_id="r-1") as request, tracer.start_as_current_span("work") as work:
        parent = work.parent  # type: ignore[attr-defined]
        assert (parent.trace_id, parent.span_id) == (request.trace_id, request.span_id)
        get(f"{echo.url}/x")
        assert trace.get_current_span() is work
    (span,) = client_spans(sink)
    assert span["parent_id"] == f"{work.get_span_context().span_id:016x}"
    assert echo.got[0][1]["x-request-id"] == "r-1"


def test_headers_asked_for_are_recorded(start_agent: Any, sink: OtlpSink, echo: Echo, get: Get) -> None:
    asked = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_"
    start_agent(**{f"{asked}REQUEST": "x-shop-.*,authorization", f"{asked}RESPONSE": "content-length,server"})
    get(f"{echo.url}/x", headers={"X-Shop-Cart": "7", "X-Other": "1", "Authorization": "Basic s"})
    (span,) = client_spans(sink)
    recorded = {name: value for name, value in span["attributes"].items() if ".header." in name}
    assert recorded.pop("http.response.header.content-length")[0].isdigit()
    assert recorded.pop("http.response.header.server")[0].startswith("BaseHTTP")
    assert recorded == {
        "http.request.header.x-shop-cart": ["7"],
        "http.request.header.authorization": ["[REDACTED]"],
    }


def test_what_requests_leaves_to_http_client_goes_with_each_attempt_once(
    start_agent: Any, sink: OtlpSink, echo: Echo
) -> None:
    start_agent()
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(max_retries=urllib3.Retry(2, status_forcelist=[503], raise_on_status=False)))
    with session, in_request(tracestate="a=1"):
        assert session.get(f"{echo.url}/status/503", timeout=5).status_code == 503
        session.post(f"{echo.url}/status/404", data=iter([b"a"]), timeout=5)  # chunked
        urllib3.PoolManager().request("GET", f"{echo.url}/next", timeout=5)
    spans = client_spans(sink, 3)
    sent = [headers["traceparent"][36:52] for _, headers in echo.got]
    assert sent[:3] == [spans[0]["span_id"]] * 3  # requests' own span is one, whatever urllib3 repeats
    assert sent[3:] == [spans[1]["span_id"], spans[2]["span_id"]]
    assert all(text.count("traceparent") == text.count("tracestate: a=1") == 1 for text in echo.heads)


def test_requests_that_are_sent_in_another_way_carry_headers_of_their_own(
    start_agent: Any, sink: OtlpSink, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests_plugin, "_leaves", True)
    start_agent()

    class Other(urllib3.connection.HTTPConnection):
        """Writes its requests by itself, as an HTTP/2 connection would."""

        def endheaders(self, *args: Any, **named: Any) -> None:
            lines, self._buffer = self._buffer, []  # type: ignore[has-type]
            self._HTTPConnection__state = http.client._CS_REQ_SENT  # type: ignore[attr-defined]
            self.send(b"\r\n".join([*lines, b"", b""]))

    monkeypatch.setattr(urllib3.HTTPConnectionPool, "ConnectionCls", Other)
    for _ in range(2):
        with in_request():
            assert with_requests(f"{echo.url}/x") == 200
    client_spans(sink, 2)
    # The first one tells: nobody wrote what was left.
    assert ["traceparent" in headers for _, headers in echo.got] == [False, True]


def test_a_value_that_is_no_headers_is_not_left_to_be_written() -> None:
    later = requests_plugin.Later({})
    later["x-one"] = "1"
    with pytest.raises(ValueError, match="x-two"):
        later["x-two"] = "1\r\nx-three: 3"
    assert later.lines == [b"x-one: 1"]
