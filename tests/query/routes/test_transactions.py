"""GET /api/v1/transactions/{id}: shapes, texts and status codes, over a reader of rows by hand."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from support import shop
from support.asgi import call
from support.rows import START, TRANSACTION, RowsReader, RowsSearcher, access, log, span
from weftline.collector.store.protocol import SpanEvent, SpanLink
from weftline.query.app import create_app
from weftline.query.routes.views import AnyEntry, TransactionView, entry_fields
from weftline.query.settings import QuerySettings
from weftline.query.timeline import assemble

OTHER = "b" * 32


@pytest.fixture
def reader() -> RowsReader:
    return RowsReader(shop.success(), {"order-4711": [TRANSACTION, OTHER], "orders/4711 #ä": [TRANSACTION]})


@pytest.fixture
def app(reader: RowsReader) -> FastAPI:
    return create_app(reader, RowsSearcher(), QuerySettings())


def get(app: FastAPI, any_id: str) -> Any:
    return call(app, f"/api/v1/transactions/{quote(any_id, safe='')}")


def test_the_whole_timeline_comes_as_json(app: FastAPI) -> None:
    answer = get(app, TRANSACTION)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["transaction_id"] == TRANSACTION
    assert (body["matched_alias"], body["other_transactions"], body["truncated"]) == (None, [], False)
    assert body["summary"] == {
        "root": "POST /checkout",
        "start_unix_nano": str(START),
        "end_unix_nano": str(START + 40_000_000),
        "duration_ns": 40_000_000,
        "services": ["edge", "cart", "payment"],
        "spans": 11,
        "access_logs": 4,
        "logs": 4,
        "errors": 0,
        "response_code": 200,
        "response_flags": "",
        "response_flags_text": "",
        "verdict": None,
        "sampled": True,
    }
    assert len(body["entries"]) == 19
    assert [entry["kind"] for entry in body["entries"][:3]] == ["span", "access_log", "span"]
    assert TransactionView.model_validate(body)


def test_an_entry_has_its_place_and_its_rows_own_fields(app: FastAPI, reader: RowsReader) -> None:
    event = SpanEvent(START + 1, "retry", {"n": "1"})
    link = SpanLink("c" * 32, "d" * 16, {"why": "batch"})
    reader.rows = [
        span(
            "GET /",
            "a",
            "b",
            kind="server",
            attributes={"k": "v"},
            scope=("flask", "3"),
            scope_attributes={"s": "1"},
            events=[event],
            links=[link],
        ),
        log("hello", "a", ms=1, level="WARN", event_name="greeting"),
        access("edge", "e", "", "f", ms=2, code=503, flags="UF,URX"),
    ]
    one, two, three = get(app, TRANSACTION).json()["entries"]
    assert one == {
        "kind": "span",
        "time_unix_nano": str(START),
        "offset_ns": 0,
        "duration_ns": 1_000_000,
        "depth": 0,
        "parent": None,
        "parent_by": None,
        "error": False,
        "correction_ns": 0,
        "self_ns": 1_000_000,
        "repeats": False,
        "service": "cart",
        "transaction_id": TRANSACTION,
        "span_id": "000000000000000a",
        "parent_span_id": "000000000000000b",
        "name": "GET /",
        "span_kind": "server",
        "status": "unset",
        "status_message": "",
        "scope_name": "flask",
        "scope_version": "3",
        "scope_attributes": {"s": "1"},
        "resource": {"service.name": "cart"},
        "attributes": {"k": "v"},
        "attribute_types": {},
        "events": [{"time_unix_nano": str(START + 1), "name": "retry", "attributes": {"n": "1"}}],
        "links": [{"trace_id": "c" * 32, "span_id": "d" * 16, "attributes": {"why": "batch"}}],
    }
    assert (two["kind"], two["depth"], two["parent"], two["parent_by"]) == ("log", 1, 0, "span")
    assert (two["offset_ns"], two["duration_ns"], two["body"]) == (1_000_000, 0, "hello")
    assert (two["severity_text"], two["severity_number"], two["event_name"]) == ("WARN", 13, "greeting")
    assert (three["kind"], three["error"], three["response_code"]) == ("access_log", True, 503)
    assert three["response_flags_text"] == "could not connect to the upstream; retries used up"


def test_every_field_of_every_row_is_in_the_answer(app: FastAPI) -> None:
    rows = {"span": span("x", "a"), "log": log("x"), "access_log": access("edge", "e")}
    timeline = assemble(TRANSACTION, list(rows.values()))
    for entry in map(entry_fields, timeline.entries):
        missing = set(rows[entry["kind"]].__slots__) - set(entry)  # type: ignore[attr-defined]
        # Under names with their unit.
        assert missing - {"time", "duration"} == set()
        assert all(value is not None for name, value in entry.items() if not name.startswith("parent"))


def test_what_is_answered_is_what_the_description_says(app: FastAPI) -> None:
    """Answers are not made of the models that describe them: field for field, in their order and types."""
    sent = get(app, TRANSACTION).json()["entries"]
    read = TypeAdapter(list[AnyEntry]).validate_python(sent, strict=True)
    assert [json.dumps(one) for one in sent] == [json.dumps(one.model_dump(mode="json")) for one in read]
    assert {entry["kind"] for entry in sent} == {"span", "log", "access_log"}


@pytest.mark.parametrize("alias", ["order-4711", " order-4711 ", "x-request-id: order-4711"])
def test_an_alias_is_said_to_be_one(app: FastAPI, alias: str) -> None:
    body = get(app, alias).json()
    assert (body["transaction_id"], body["matched_alias"]) == (TRANSACTION, "order-4711")
    assert body["other_transactions"] == [OTHER]


def test_an_alias_may_be_any_string(app: FastAPI) -> None:
    assert get(app, "orders/4711 #ä").json()["matched_alias"] == "orders/4711 #ä"


def test_a_traceparent_is_taken_whole(app: FastAPI) -> None:
    body = get(app, f"00-{TRANSACTION}-00f067aa0ba902b7-01").json()
    assert (body["transaction_id"], body["matched_alias"]) == (TRANSACTION, None)


def test_an_unknown_id_is_404_with_a_sentence(app: FastAPI) -> None:
    answer = get(app, "order-4712")
    assert answer.status_code == 404
    assert answer.json() == {"error": {"code": 404, "message": "No transaction is known under 'order-4712'."}}


def test_an_alias_whose_rows_are_gone_is_unknown(app: FastAPI, reader: RowsReader) -> None:
    reader.rows = []
    assert get(app, "order-4711").status_code == 404


@pytest.mark.parametrize("malformed", ["", " ", "x" * 257, "a\x07", "0" * 32, TRANSACTION[:-1]])
def test_a_malformed_id_is_400_with_a_sentence(app: FastAPI, malformed: str) -> None:
    answer = get(app, malformed)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == 400
    assert error["message"].endswith((".", "?"))


def test_a_long_transaction_is_cut_and_says_so(reader: RowsReader) -> None:
    body = get(create_app(reader, RowsSearcher(), QuerySettings(max_rows=5)), TRANSACTION).json()
    assert (body["truncated"], len(body["entries"])) == (True, 5)
    exact = get(create_app(reader, RowsSearcher(), QuerySettings(max_rows=19)), TRANSACTION).json()
    assert (exact["truncated"], len(exact["entries"])) == (False, 19)


def test_a_store_that_is_away_is_503_and_when_to_come_back(app: FastAPI, reader: RowsReader) -> None:
    reader.away = "ClickHouse at 127.0.0.1:9000 does not answer."
    answer = get(app, TRANSACTION)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["error"]["message"] == "The store can't answer now: " + reader.away


def test_a_bug_is_500_in_the_same_shape(reader: RowsReader) -> None:
    reader.few = lambda transaction_id: 1 / 0  # type: ignore[method-assign]
    answer = get(create_app(reader, RowsSearcher(), QuerySettings()), TRANSACTION)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, 500)
    assert "ZeroDivisionError" not in answer.text


def test_other_paths_are_404_in_the_same_shape(app: FastAPI) -> None:
    answer = call(app, "/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.json() == {"error": {"code": 404, "message": "There is nothing at /api/v1/nothing."}}
    assert call(app, "/api/v1/transactions/x", "POST").json()["error"]["code"] == 405


def test_rows_that_came_by_x_transaction_id_keep_their_own_trace_id() -> None:
    timeline = assemble(TRANSACTION, [access("edge", "e"), replace(log("hi"), transaction_id=OTHER)])
    assert [entry_fields(entry)["transaction_id"] for entry in timeline.entries] == [TRANSACTION, OTHER]


def test_the_api_describes_itself(app: FastAPI) -> None:
    paths = call(app, "/openapi.json").json()["paths"]
    assert {"/api/v1/transactions/{any_id}", "/api/services", "/api/traces/{trace_id}", "/health"} <= set(paths)
    described = paths["/api/v1/transactions/{any_id}"]["get"]["responses"]
    assert set(described) == {"200", "400", "401", "403", "404", "503", "default"}


def test_the_answer_says_where_the_time_went_and_whose_clock_is_wrong(app: FastAPI, reader: RowsReader) -> None:
    reader.rows = shop.shifted(shop.success(), "payment", -5)
    body = get(app, TRANSACTION).json()
    assert sum(piece["end_ns"] - piece["start_ns"] for piece in body["critical_path"]) == 40_000_000
    assert sum(share["duration_ns"] for share in body["time_split"]) == 40_000_000
    (clock,) = [clock for clock in body["clocks"] if clock["correction_ns"]]
    assert clock["services"] == ["payment"]
    assert clock["earliest_ns"] <= 5_000_000_000 <= clock["latest_ns"]
    charged = next(entry for entry in body["entries"] if entry.get("body") == "charged")
    assert charged["offset_ns"] == -4_980_000_000, "as its own clock said"
    assert charged["correction_ns"] == clock["correction_ns"]


def test_what_left_no_record_is_named(app: FastAPI, reader: RowsReader) -> None:
    reader.rows = [span("GET /", "a", kind="server"), log("charging", "zz", service="payment")]
    assert get(app, TRANSACTION).json()["gaps"] == [
        {
            "kind": "logged_without_spans",
            "service": "payment",
            "text": "payment logged but sent no spans",
            "entries": [1],
        }
    ]


@pytest.mark.parametrize(
    ("query", "accept"),
    [("?format=ndjson", "*/*"), ("", "application/x-ndjson"), ("", "text/html;q=0.9, application/x-ndjson;q=0.8")],
)
def test_lines_say_the_same_as_the_document(app: FastAPI, query: str, accept: str) -> None:
    answer = call(app, f"/api/v1/transactions/{TRANSACTION}{query}", accept=accept)
    assert answer.headers["content-type"] == "application/x-ndjson"
    first, *entries = (json.loads(line) for line in answer.text.splitlines())
    assert first.pop("kind") == "transaction"
    assert {**first, "entries": entries} == get(app, TRANSACTION).json()


def test_text_is_what_the_terminal_shows(app: FastAPI) -> None:
    answer = call(app, f"/api/v1/transactions/{TRANSACTION}?format=text&width=80")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[1] == "POST /checkout → 200"
    assert max(map(len, lines)) <= 80
    assert call(app, f"/api/v1/transactions/{TRANSACTION}", accept="text/plain").text.startswith(TRANSACTION)


def test_a_format_that_there_is_not_is_400(app: FastAPI) -> None:
    answer = call(app, f"/api/v1/transactions/{TRANSACTION}?format=xml")
    assert answer.status_code == 400
    assert "format" in answer.json()["error"]["message"]


def test_a_big_transaction_comes_in_pieces_and_whole(reader: RowsReader) -> None:
    reader.rows = [span(f"s{n}", f"{n + 1:x}", "1" if n else "", ms=n, attributes={"n": str(n)}) for n in range(5_000)]
    app = create_app(reader, RowsSearcher(), QuerySettings(max_rows=4_000))
    body = get(app, TRANSACTION).json()
    assert (body["truncated"], len(body["entries"])) == (True, 4_000)
    lines = call(app, f"/api/v1/transactions/{TRANSACTION}?format=ndjson").text.splitlines()
    assert json.loads(lines[0])["truncated"] is False
    assert [json.loads(line)["attributes"]["n"] for line in lines[1:]] == [str(n) for n in range(5_000)]
