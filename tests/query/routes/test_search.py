"""GET /api/v1/search: shapes, texts and status codes, over a searcher of hits by hand."""

from typing import Any
from urllib.parse import urlencode

import pytest

from support.asgi import call
from support.rows import START, RowsReader, RowsSearcher, hit, span
from weftline.collector.errors import AskOtherwise, TryLater
from weftline.collector.store.searcher import Facet
from weftline.query.app import create_app
from weftline.query.search.fields import FIELDS
from weftline.query.settings import QuerySettings

SINCE = str(START // 10**9 - 600)
UNTIL = str(START // 10**9 + 600)
FAILED = hit("b" * 32, START, root="GET /stock", response_code=503, response_flags=("UO", "URX"), errors=2)
LINES = hit("a" * 32, START - 5, root="", response_code=0, access_logs=0, spans=0, logs=3)


def search(searcher: RowsSearcher, **parameters: Any) -> Any:
    app = create_app(RowsReader([span("x", "a")]), searcher, QuerySettings())
    return call(app, "/api/v1/search?" + urlencode({"since": SINCE, "until": UNTIL, **parameters}))


def test_a_page_comes_as_json() -> None:
    answer = search(RowsSearcher([LINES, FAILED]), q="status=error")
    assert answer.status_code == 200
    assert answer.json() == {
        "transactions": [
            {
                "transaction_id": "b" * 32, "start_unix_nano": str(START), "duration_ns": 1, "root": "GET /stock",
                "response_code": 503, "response_flags": ["UO", "URX"],
                "response_flags_text": answer.json()["transactions"][0]["response_flags_text"],
                "services": ["cart"], "spans": 1, "logs": 0, "access_logs": 1, "errors": 2,
            },
            {
                "transaction_id": "a" * 32, "start_unix_nano": str(START - 5), "duration_ns": 1, "root": "",
                "response_code": None, "response_flags": [], "response_flags_text": "",
                "services": ["cart"], "spans": 0, "logs": 3, "access_logs": 0, "errors": 0,
            },
        ],
        "since_unix_nano": f"{SINCE}000000000", "until_unix_nano": f"{UNTIL}000000000",
        "searched_since_unix_nano": f"{SINCE}000000000", "complete": True, "cut": "", "next": None, "facets": None,
    }  # fmt: skip
    assert "circuit breaker open" in answer.json()["transactions"][0]["response_flags_text"]


def test_a_cursor_leads_to_the_next_page() -> None:
    searcher = RowsSearcher([LINES, FAILED])
    first = search(searcher, limit=1).json()
    assert (first["complete"], first["cut"]) == (False, "")
    second = search(searcher, limit=1, cursor=first["next"]).json()
    assert [one["transaction_id"] for one in (*first["transactions"], *second["transactions"])] == ["b" * 32, "a" * 32]
    assert second["next"] is None


def test_facets_come_when_asked_for() -> None:
    searcher = RowsSearcher([FAILED], [Facet("found", "", 7), Facet("service", "cart", 5), Facet("flags", "UO", 1)])
    assert search(searcher, facets="true").json()["facets"] == {
        "of": 7,
        "by": {
            "service": [{"value": "cart", "transactions": 5}], "status": [], "root": [], "response_code": [],
            "flags": [{"value": "UO", "transactions": 1}], "duration": [],
        },
    }  # fmt: skip


def test_an_error_shows_where() -> None:
    answer = search(RowsSearcher(), q="service=cart duraton>5ms")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["column"], error["length"]) == (400, 14, 7)
    message = error["message"]
    assert message.splitlines()[1:] == ["  service=cart duraton>5ms", "               ^^^^^^^"]
    assert message.startswith("Column 14: There is no field `duraton`. Did you mean `duration`?")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"since": "soon"}, "`soon` is no time"),
        ({"since": "5m", "until": "10m"}, "ends before it begins"),
        ({"cursor": "7"}, "`cursor` is not one that this API gave"),
        ({"cursor": f"{2**63}-{'a' * 32}"}, "`cursor` is not one that this API gave"),
        ({"limit": "0"}, "limit: Input should be greater than or equal to 1"),
        ({"limit": "1001"}, "limit: Input should be less than or equal to 1000"),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict[str, str], message: str) -> None:
    answer = search(RowsSearcher(), **parameters)
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]
    assert answer.json()["error"].keys() == {"code", "message"}


def test_a_search_that_costs_too_much_says_what_to_do() -> None:
    searcher = RowsSearcher([FAILED])
    searcher.refuse = lambda window: AskOtherwise("it takes too long")
    answer = search(searcher)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == (
        "The search can't be answered because it takes too long. Narrow its time or add a term."
    )


def test_a_store_that_is_away_says_when_to_come_back() -> None:
    searcher = RowsSearcher()
    searcher.refuse = lambda window: TryLater("gone", 2)
    answer = search(searcher)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_the_language_describes_itself() -> None:
    app = create_app(RowsReader(), RowsSearcher(), QuerySettings())
    answer = call(app, "/api/v1/search/fields").json()
    assert [field["name"] for field in answer["fields"]] == list(FIELDS)
    assert answer["fields"][1] == {
        "name": "status", "type": "text", "operators": ["=", "!=", "~", "!~", ":"],
        "description": "of a span; an access log is an error from 500 on and without a response", "values": ["unset", "ok", "error"],
    }  # fmt: skip


def test_services_are_listed() -> None:
    app = create_app(RowsReader([span("x", "a"), span("y", "b", service="payment")]), RowsSearcher(), QuerySettings())
    assert call(app, "/api/v1/services").json() == {"services": ["cart", "payment"]}
