"""The steps of client plugins, without a client."""

from weftline.agent import call, serve
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
