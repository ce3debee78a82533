"""The steps of database plugins, without a database."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from support.echo import echo_server
from support.otlp_sink import OtlpSink
from support.served import queries, served
from weftline.agent import context, query, serve

Start = Callable[..., None]
LIBRARY = query.Library("some_driver")


def describe(attributes: dict[str, Any]) -> str:
    return query.describe(attributes, query.Server("postgresql", "shop", "db", 5432), "SELECT 1 FROM t")


def test_only_the_outermost_makes_a_span() -> None:
    with served():
        outer = query.begin(LIBRARY, describe)
        assert outer is not None
        assert query.begin(LIBRARY, describe) is None
        query.answered(outer)
        second = query.begin(LIBRARY, describe)
        assert second is not None
        query.answered(second)


def test_what_is_muted_keeps_the_current_ids() -> None:
    with served():
        before = context.stamp()
        muted = query.mute()
        assert context.stamp() == before
        assert query.begin(LIBRARY, describe) is None
        query.unmuted(muted, None)
        assert query.begin(LIBRARY, describe) is not None
        context.leave_if_current(context.current_span(), muted.previous)  # type: ignore[arg-type]
    muted = query.mute()
    assert context.stamp() is None
    query.unmuted(muted, None)
    assert context.current_span() is None


def test_a_decision_outside_any_request_stands_for_what_is_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "decide", lambda trace_id, flags: False)
    outer = query.begin(LIBRARY, describe)
    assert outer is not None
    assert not outer.span.is_recording()
    assert query.begin(LIBRARY, describe) is None
    query.answered(outer)
    assert context.current_span() is None


@pytest.mark.socket
def test_http_below_carries_the_querys_span(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    with echo_server() as echo, requests.Session() as session, served():
        session.trust_env = False
        token = query.begin(LIBRARY, describe)
        assert token is not None
        session.get(f"{echo.url}/x", timeout=5)
        query.answered(token)
    (span,) = queries(sink)
    assert span["scope"][0] == "weftline.agent.some_driver"
    assert echo.got[0][1]["traceparent"].split("-")[2] == span["span_id"]


@pytest.mark.socket
@pytest.mark.parametrize(
    "message",
    [
        "relation \"t\" does not exist\nLINE 1: SELECT 's3cret' FROM t\n                              ^\nHINT: none",
        "(1064, \"You have an error in your SQL syntax; check the manual for the right syntax to use near 'x 's3cret'' at line 1\")",
        "Code: 62. DB::Exception: Syntax error: failed at position 8 ('s3cret') (line 1): 's3cret' x. Expected one of: list",
    ],
)
def test_an_error_does_not_repeat_the_statement(start_agent: Start, sink: OtlpSink, message: str) -> None:
    start_agent()
    with served():
        token = query.begin(LIBRARY, describe)
        query.failed(token, ValueError(message), 42)
    (span,) = queries(sink)
    event = span["events"][0]
    assert re.search("does not exist|error in your SQL|Syntax error", event["exception.message"])
    assert event["exception.message"] in event["exception.stacktrace"]
    assert span["attributes"]["error.type"] == "42"
