"""Headers that users ask to have recorded: which match, under which names, and what is never recorded."""

from typing import Any

import pytest

from weftline.agent import http_headers, settings
from weftline.agent.http_headers import Capture, received
from weftline.agent.record import CLIENT, Identity, Span, limits
from weftline.agent.settings import Settings

PREFIX = "http.request.header."


def noted(patterns: tuple[str, ...], headers: Any, sanitized: tuple[str, ...] = ()) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    Capture(PREFIX, patterns, sanitized).note(attributes, headers)
    return {name.removeprefix(PREFIX): value for name, value in attributes.items()}


def test_whole_names_in_any_case_as_regular_expressions() -> None:
    headers = [("Accept", "a"), ("Accept-Language", "b"), ("X-Shop-Cart", "c"), ("x-shop-user", "d"), ("shop", "e")]
    assert noted(("accept", "X-Shop-.*"), headers) == {"accept": ("a",), "x-shop-cart": ("c",), "x-shop-user": ("d",)}


def test_repeated_ones_and_bytes() -> None:
    headers = [(b"x-a", b"1"), (b"X-A", b"gr\xfc\xdf"), ("x-b", b"2")]
    assert noted((".*",), headers) == {"x-a": ("1", "grüß"), "x-b": ("2",)}


@pytest.mark.parametrize(
    "name",
    ["Authorization", "proxy-authorization", "Cookie", "Set-Cookie", "X-Api-Key", "x-auth-token", "x-my-password"],
)
def test_credentials_are_never_recorded(name: str) -> None:
    assert noted((".*",), [(name, "very secret")]) == {name.lower(): ("[REDACTED]",)}


def test_others_are_redacted_when_asked_for() -> None:
    headers = [("X-Session-Id", "1"), ("x-other", "2")]
    assert noted((".*",), headers, ("session", "nothing")) == {"x-session-id": ("[REDACTED]",), "x-other": ("2",)}


def test_no_more_than_a_span_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "attributes", 3)
    assert len(noted((".*",), [(f"x-{number}", "") for number in range(10)])) == 3


def test_only_spans_that_record_are_given_any() -> None:
    capture = Capture(PREFIX, ("x",), ())
    span = Span("x", CLIENT, "test", {}, trace_id=1, span_id=1)
    capture.note_on(span, [("x", "1")])
    capture.note_on(Identity(1, 1, 0, ""), [("x", "1")])
    span.end_ns = 1
    capture.note_on(span, [("x", "2")])
    assert span.attributes == {"http.request.header.x": ("1",)}


def test_what_servers_have_of_them() -> None:
    environ = {
        "REQUEST_METHOD": "GET", "HTTP_X_A": "1", "CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "", "wsgi.errors": 0,
    }  # fmt: skip
    assert list(received(environ)) == [("x-a", "1"), ("content-type", "text/plain")]
    assert list(received({"type": "http", "headers": [(b"x-a", b"1")]})) == [(b"x-a", b"1")]
    assert list(received(("a", "gRPC", "call"))) == []


def test_nothing_is_set_up_unless_asked_for() -> None:
    http_headers.configure(Settings())
    assert http_headers.server_request is http_headers.server_response is None
    assert http_headers.client_request is http_headers.client_response is None


def test_bad_patterns_give_way_to_none() -> None:
    name = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST"
    options, wrong = settings.load({name: "ok,("})
    assert (options.server_request_headers, wrong) == ((), f"{name}=('ok', '('): expected regular expressions")
