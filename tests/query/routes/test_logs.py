"""GET /api/v1/transactions/{id}/logs, as a page and as a stream."""

import json
from typing import Any

import pytest
from fastapi import FastAPI

from support import shop
from support.asgi import call
from support.rows import TRANSACTION, RowsReader, RowsSearcher, log, span
from weftline.collector.store.line_filter import LineBounds, LineFilter
from weftline.query.app import create_app
from weftline.query.routes import logs
from weftline.query.routes.following import Followers
from weftline.query.routes.logs import LinesView, LineView, New
from weftline.query.settings import QuerySettings

PATH = f"/api/v1/transactions/{TRANSACTION}/logs"


@pytest.fixture
def reader() -> RowsReader:
    return RowsReader(shop.upstream_down(), {"order-4711": [TRANSACTION]})


@pytest.fixture
def app(reader: RowsReader) -> FastAPI:
    return create_app(reader, RowsSearcher(), QuerySettings())


def lines(app: FastAPI, query: str = "") -> list[dict[str, Any]]:
    answer = call(app, PATH + query)
    assert answer.status_code == 200, answer.text
    assert LinesView.model_validate(answer.json())
    found: list[dict[str, Any]] = answer.json()["lines"]
    return found


def test_every_line_by_time(app: FastAPI) -> None:
    assert [(line["kind"], line["service"], line["level"], line["text"]) for line in lines(app)] == [
        ("access_log", "edge", "error", "POST shop.example/checkout → 503 to 127.0.0.1:8080"),
        ("access_log", "cart", "error", "POST shop.example/checkout → 503 to 127.0.0.1:8080"),
        ("access_log", "cart", "error", "GET shop.example/pay → 503 to 127.0.0.1:8080"),
        ("access_log", "payment", "error", "GET shop.example/pay → 503 UF to 127.0.0.1:8080"),
        ("log", "cart", "error", "payment failed"),
    ]


def test_filters_and_pages(app: FastAPI) -> None:
    assert len(lines(app, "?service=payment&service=edge")) == 2
    assert len(lines(app, "?kind=log&level=error")) == 1
    assert lines(app, "?text=PAYMENT%20failed")[0]["attributes"]["exception.type"]
    assert lines(app, "?until=2026-11-22T06:07:11") == []
    first = call(app, PATH + "?limit=3").json()
    rest = call(app, f"{PATH}?limit=3&cursor={first['next']}").json()
    assert first["lines"] + rest["lines"] == lines(app)
    assert (rest["next"], rest["truncated"]) == (None, False)


def test_an_alias_and_a_transaction_without_lines(app: FastAPI, reader: RowsReader) -> None:
    assert call(app, "/api/v1/transactions/order-4711/logs").json()["matched_alias"] == "order-4711"
    reader.rows = [span("only", "a")]
    assert lines(app) == []


@pytest.mark.parametrize("base", ["", "/weft"])
def test_an_alias_that_ends_as_the_route_does(reader: RowsReader, base: str) -> None:
    reader.aliases = {"shop/logs": [TRANSACTION], "shop": [TRANSACTION], "logs": [TRANSACTION]}
    app = create_app(reader, RowsSearcher(), QuerySettings(base_path=base))

    def answered(path: str) -> tuple[str, str]:
        body = call(app, f"{base}/api/v1/transactions/{path}").json()
        return "lines" if "lines" in body else "entries", body["matched_alias"]

    assert answered("shop%2Flogs") == answered("shop%2flogs") == ("entries", "shop/logs")
    assert answered("shop%2Flogs/logs") == answered("shop/logs/logs") == ("lines", "shop/logs")
    assert answered("shop/logs") == ("lines", "shop")
    assert answered("logs") == ("entries", "logs")
    assert answered("logs/logs") == ("lines", "logs")


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/v1/transactions/unknown/logs", 404, "No transaction is known under 'unknown'."),
        (f"/api/v1/transactions/{TRANSACTION[:-1]}/logs", 400, "32 hex digits"),
        (PATH + "?since=yesterday", 400, "`yesterday` is no time"),
        (PATH + "?cursor=x", 400, "`cursor` is not one"),
        (PATH + "?level=loud", 400, "level"),
        (PATH + "?limit=0", 400, "limit"),
    ],
)
def test_what_cannot_be_answered_says_why(app: FastAPI, path: str, status: int, says: str) -> None:
    answer = call(app, path)
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]


def test_a_transaction_of_too_many_lines_says_so(reader: RowsReader) -> None:
    reader.few_rows = 0
    everything = lines(create_app(reader, RowsSearcher(), QuerySettings()))
    app = create_app(reader, RowsSearcher(), QuerySettings(max_lines=2))
    for query in ("", "&kind=log"):
        got, cursor, cut = [], "", []
        while cursor is not None:
            body = call(app, f"{PATH}?cursor={cursor}{query}").json()
            got += body["lines"]
            cut.append(body["truncated"])
            cursor = body["next"]
        assert got == [line for line in everything if not query or line["kind"] == "log"]
        assert cut[0]
        assert not cut[-1]


def test_following_tells_what_is_there_and_ends_with_a_reason(reader: RowsReader) -> None:
    app = FastAPI()
    app.include_router(logs.router(reader, QuerySettings(), Followers(0.01, 0.1)))
    answer = call(app, PATH + "?follow=true&kind=log")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [dict(line.split(": ", 1) for line in one.splitlines()) for one in answer.text.strip().split("\n\n")[1:]]
    assert [event["event"] for event in events] == ["line", "end"]
    assert LineView.model_validate_json(events[0]["data"]).text == "payment failed"
    assert "reason" in json.loads(events[1]["data"])


def test_what_arrives_late_or_twice_is_told_once_each(reader: RowsReader) -> None:
    reader.rows = [log("two", ms=2)]
    new = New(reader, TRANSACTION, LineFilter(), 100, LineBounds(100, 1))

    def told() -> list[str]:
        return [json.loads(news.data)["text"] for news in new.lines()]

    assert told() == ["two"]
    assert told() == []
    reader.rows = [log("one", ms=1), log("two", ms=2), log("two", ms=2)]
    assert told() == ["one", "two"]


def test_what_passes_is_followed_behind_many_lines_that_do_not(reader: RowsReader) -> None:
    reader.few_rows = 0
    reader.rows = [*(log("noise", ms=ms) for ms in range(50)), log("failed", ms=51), log("failed again", ms=52)]
    new = New(reader, TRANSACTION, LineFilter(text="failed"), 1, LineBounds(7, 1))
    assert [(news.event, json.loads(news.data).get("text")) for news in new.lines()] == [
        ("line", "failed"),
        ("missed", None),
    ]
    assert list(new.lines()) == []
