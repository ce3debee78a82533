"""GET /api/v1/compare, /operations and /search/follow: shapes and status codes."""

from dataclasses import replace

import pytest
from fastapi import FastAPI

from support import shop
from support.asgi import call
from support.rows import START, TRANSACTION, RowsReader, RowsSearcher, hit
from weftline.query.app import create_app
from weftline.query.routes import search
from weftline.query.routes.compare import CompareView
from weftline.query.routes.following import Followers
from weftline.query.routes.search import HitView
from weftline.query.settings import QuerySettings

OTHER = "b" * 32


@pytest.fixture
def app() -> FastAPI:
    other = [replace(row, transaction_id=OTHER) for row in shop.upstream_down()]
    return create_app(RowsReader([*shop.success(), *other]), RowsSearcher(), QuerySettings())


def test_two_requests_side_by_side(app: FastAPI) -> None:
    answer = call(app, f"/api/v1/compare?a={TRANSACTION}&b={OTHER}").json()
    assert CompareView.model_validate(answer)
    assert (answer["a"]["transaction_id"], answer["b"]["summary"]["response_code"]) == (TRANSACTION, 503)
    changes = [(row["service"], row["proxy_role"], row["change"]) for row in answer["rows"]]
    assert ("edge", "edge", "failed_in_b") in changes
    assert answer["differences"] == sum(change != "same" for *_, change in changes)
    only = call(app, f"/api/v1/compare?a={TRANSACTION}&b={OTHER}&changed=true").json()["rows"]
    assert len(only) == answer["differences"]


@pytest.mark.parametrize(
    ("query", "status"),
    [(f"a={TRANSACTION}&b=unknown", 404), (f"a={TRANSACTION[:-1]}&b={OTHER}", 400), (f"a={TRANSACTION}", 400)],
)
def test_ids_that_name_nothing(app: FastAPI, query: str, status: int) -> None:
    answer = call(app, f"/api/v1/compare?{query}")
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_operations_of_a_service(app: FastAPI) -> None:
    answer = call(app, "/api/v1/operations?service=payment").json()
    assert {"name": "GET /pay", "kind": "server"} in answer["operations"]
    assert call(app, "/api/v1/operations?service=nobody").json() == {"operations": []}
    assert call(app, "/api/v1/operations").status_code == 400


def test_a_search_is_followed() -> None:
    ticks = iter(range(START, START + 10**9, 10**6))
    searcher = RowsSearcher([hit(TRANSACTION, START + 5 * 10**6)])
    app = FastAPI()
    routes = search.router(RowsReader(), searcher, QuerySettings(), Followers(0.01, 0.2), lambda: next(ticks))
    app.include_router(routes)
    answer = call(app, "/api/v1/search/follow?q=service%3Dcart")
    events = [one.splitlines() for one in answer.text.strip().split("\n\n")[1:]]
    told = [dict(line.split(": ", 1) for line in lines) for lines in events if not lines[0].startswith(":")]
    assert [event["event"] for event in told] == ["transaction", "end"]
    assert HitView.model_validate_json(told[0]["data"]).transaction_id == TRANSACTION


def test_a_search_that_cannot_be_understood_is_400_before_it_is_followed(app: FastAPI) -> None:
    answer = call(app, "/api/v1/search/follow?q=duraton%3E5ms")
    assert (answer.status_code, answer.json()["error"]["column"]) == (400, 1)
