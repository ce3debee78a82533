"""The steps of client plugins, without a client."""

import httpx

from weftline.agent import call, serve
from weftline.agent.plugins.httpx import Carrier
from weftline.agent.propagate import Incoming


def test_headers_are_taken_off_also_where_one_has_gone_already() -> None:
    request = serve.begin(Incoming(1, 2, 0), "test", lambda _, __: "GET", None)
    try:
        headers = {"accept": "*/*"}
        begun = call.begin("test", "GET", "http://shop/", headers)
        assert set(headers) == {"accept", "traceparent", "x-transaction-id"}
        del headers["traceparent"]
        call.answered(begun, 200)
        assert headers == {"accept": "*/*"}
    finally:
        serve.finish(request)


def test_httpx_headers_are_changed_in_place() -> None:
    headers = httpx.Headers([("Accept", "a"), ("accept", "b"), ("Host", "shop")])
    carrier = Carrier(headers._list)
    assert dict(carrier) == dict(headers) == {"accept": "a, b", "host": "shop"}
    assert "ACCEPT" in carrier
    assert "cookie" not in carrier
    carrier["traceparent"] = "00-1"
    assert headers["TraceParent"] == "00-1"
    assert headers.raw[-1] == (b"traceparent", b"00-1")
    del carrier["traceparent"]
    assert headers == httpx.Headers([("Accept", "a"), ("accept", "b"), ("Host", "shop")])
    assert carrier.pop("traceparent", None) is None
