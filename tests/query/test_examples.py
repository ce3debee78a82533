"""Every answer in the description has an example that the service really gives: of our routes all, of Jaeger's the errors."""

import json

import jsonschema_rs
import pytest

from support.examples import ALIKE, EVERYWHERE, FILE, REFUSED, REQUESTS, produced
from support.rows import RowsReader, RowsSearcher
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

DESCRIPTION = create_app(RowsReader(), RowsSearcher(), QuerySettings()).openapi()
ANSWERS = {
    (path, status, media_type): content
    for path, methods in DESCRIPTION["paths"].items()
    for operation in methods.values()
    for status, response in operation["responses"].items()
    for media_type, content in response["content"].items()
    if status != "200" or path in REQUESTS
}


@pytest.mark.parametrize(("path", "status", "media_type"), ANSWERS)
def test_every_answer_has_an_example_that_is_given_and_valid(path: str, status: str, media_type: str) -> None:
    described = ANSWERS[path, status, media_type]
    example = described["example"]
    assert example == produced(path, status, media_type), "python tests/support/examples.py writes them anew"
    jsonschema_rs.validate({**described["schema"], "components": DESCRIPTION["components"]}, example)
    if media_type == "application/x-ndjson":
        assert [json.loads(line)["kind"] for line in example.splitlines()] == ["transaction", "access_log", "log"]


def test_every_route_of_ours_has_all_its_answers_shown() -> None:
    ours = {path for path in DESCRIPTION["paths"] if path.startswith("/api/v1/")}
    assert ours < REQUESTS.keys()
    assert {path for path, _, _ in ANSWERS} == DESCRIPTION["paths"].keys()


def test_there_are_no_others() -> None:
    asked = {(path, "200", media_type) for path, them in REQUESTS.items() for media_type in them}
    assert asked == {it for it in ANSWERS if it[1] == "200"}
    own = {(path, status) for path, them in REFUSED.items() for status in them}
    refused = {(path, status) for path, status, _ in ANSWERS if status != "200"}
    assert own <= refused
    assert {status for path, status in refused - own} == set(ALIKE)
    assert json.loads(FILE.read_text(encoding="utf-8")).keys() == REQUESTS.keys() | REFUSED.keys() | EVERYWHERE.keys()


def test_what_is_shown_says_something() -> None:
    for (path, status, media_type), described in ANSWERS.items():
        example = described["example"]
        if status != "200":
            assert len(str(example)) > 15, path
        elif media_type == "application/json":
            assert all(value for value in example.values() if isinstance(value, list)) or "/transactions/" in path, path
        else:
            assert len(example) > 100, path
