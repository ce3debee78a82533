"""Bodies that are made while they are sent, driven as a server in C does it: nothing of ours is around the application."""

import gc
import logging
import wsgiref.util
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from opentelemetry import context as otel

import weftline.agent
from support.otlp_sink import OtlpSink

pytestmark = pytest.mark.socket
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LOG = logging.getLogger("shop")
Start = Callable[..., None]


class Parts:
    """An application's own iterable, which counts how often it is closed."""

    def __init__(self, parts: Iterable[Any]) -> None:
        self.parts = iter(parts)
        self.closed: list[str | None] = []

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        part = next(self.parts)
        LOG.info("making")
        if isinstance(part, Exception):
            raise part
        return str(weftline.agent.transaction_id()).encode()

    def close(self) -> None:
        self.closed.append(weftline.agent.transaction_id())
        LOG.info("closing")


class Uncloseable:
    def __iter__(self) -> Iterator[bytes]:
        yield b"a"


def call(body: Any, flags: str = "01", **environ: Any) -> Any:
    """What Flask returns to the server when a view's response is this body."""
    app = flask.Flask("shop")

    class Response:
        def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
            start_response("200 OK", [])
            return body

    app.make_response = lambda rv: rv  # type: ignore[method-assign, assignment, return-value]
    app.process_response = lambda response: response  # type: ignore[method-assign]
    app.add_url_rule("/", view_func=Response)
    given = {"HTTP_TRACEPARENT": f"00-{TRACE}-{SPAN}-{flags}", **environ}
    wsgiref.util.setup_testing_defaults(given)
    return app.wsgi_app(given, lambda *_: None)


def server_span(sink: OtlpSink) -> dict[str, Any]:
    (span,) = sink.wait(lambda s: s.spans(kind="SERVER"))
    return span


def test_each_part_is_made_in_the_request_and_closing_ends_it(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    parts = Parts([1, 2])
    outside = otel.get_current()
    body = call(parts)
    assert weftline.agent.transaction_id() is None
    assert next(body) == TRACE.encode()
    assert otel.get_current() is outside
    assert list(body) == [TRACE.encode()]
    assert sink.spans() == []  # it is closed within the request
    body.close()
    assert parts.closed == [TRACE]
    assert otel.get_current() is outside
    span = server_span(sink)
    logs = sink.wait(lambda s: len(s.logs(logger="shop")) == 3 and s.logs(logger="shop"))
    assert {(log["trace_id"], log["span_id"]) for log in logs} == {(TRACE, span["span_id"])}
    assert max(log["time"] for log in logs) <= span["end"]
    assert (span["status"], span["attributes"]["http.response.status_code"]) == (0, 200)


def test_an_error_in_a_part_is_the_requests(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    parts = Parts([1, LookupError("no such thing")])
    body = call(parts)
    next(body)
    with pytest.raises(LookupError) as raised:
        next(body)
    assert raised.traceback[-1].name == "__next__"
    body.close()
    assert parts.closed == [TRACE]
    span = server_span(sink)
    assert (span["status"], span["attributes"]["error.type"]) == (2, "LookupError")
    assert span["attributes"]["http.response.status_code"] == 200  # it had been sent
    assert [event["exception.message"] for event in span["events"]] == ["no such thing"]


def test_one_that_is_never_closed_ends_when_it_is_let_go(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    parts = Parts([1, 2])
    body = call(parts)
    next(body)
    del body
    gc.collect()
    server_span(sink)
    assert parts.closed == []  # who doesn't close it without us doesn't with us


def test_one_that_can_not_be_closed_ends_with_its_last_part(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    body = call(Uncloseable())
    assert list(body) == [b"a"]
    server_span(sink)
    body.close()


def test_sampled_out_its_lines_are_still_stamped(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    body = call(Parts([1]), "00")
    assert list(body) == [TRACE.encode()]
    body.close()
    weftline.agent.stop()
    assert sink.spans() == []
    assert {(log["trace_id"], log["flags"]) for log in sink.logs(logger="shop")} == {(TRACE, 0)}


def test_what_the_server_sends_by_itself_is_left_as_it_is(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    with Path(__file__).open("rb") as file:
        wrapped = wsgiref.util.FileWrapper(file)
        bodies: list[Any] = [[b"a"], (b"a",), b"a", file, wrapped]
        for body in bodies:
            assert call(body, **{"wsgi.file_wrapper": wsgiref.util.FileWrapper}) is body
    sink.wait(lambda s: len(s.spans(kind="SERVER")) == len(bodies))


def test_a_response_that_is_there_already_ends_at_once(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    app = flask.Flask("shop")
    app.add_url_rule("/", view_func=lambda: "a")
    environ: dict[str, Any] = {}
    wsgiref.util.setup_testing_defaults(environ)
    body = app.wsgi_app(environ, lambda *_: None)
    server_span(sink)
    assert (type(body).__module__, list(body)) == ("werkzeug.wsgi", [b"a"])


def test_the_rest_is_the_applications_own(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    parts = Parts([1])
    body = call(parts)
    assert body.closed is parts.closed
    assert not hasattr(body, "__len__")
    with pytest.raises(AttributeError):
        body.nothing  # noqa: B018 - looking is what is tested
