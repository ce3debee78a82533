"""Every route of ours has an example of its answer in the description: one that the service really gives."""

import json

import jsonschema_rs
import pytest

from support.examples import FILE, REQUESTS, produced
from support.rows import RowsReader, RowsSearcher
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

DESCRIPTION = create_app(RowsReader(), RowsSearcher(), QuerySettings()).openapi()
ANSWERS = [
    (path, media_type)
    for path, methods in DESCRIPTION["paths"].items()
    for operation in methods.values()
    if path.startswith("/api/v1/")
    for media_type in operation["responses"]["200"]["content"]
]


@pytest.mark.parametrize(("path", "media_type"), ANSWERS)
def test_every_answer_has_an_example_that_is_given_and_valid(path: str, media_type: str) -> None:
    described = DESCRIPTION["paths"][path]["get"]["responses"]["200"]["content"][media_type]
    example = described["example"]
    assert example == produced(path, media_type), "python tests/support/examples.py writes them anew"
    jsonschema_rs.validate({**described["schema"], "components": DESCRIPTION["components"]}, example)
    if media_type == "application/x-ndjson":
        assert [json.loads(line)["kind"] for line in example.splitlines()] == ["transaction", "access_log", "log"]


def test_there_are_no_others() -> None:
    assert {(path, media_type) for path, them in REQUESTS.items() for media_type in them} == set(ANSWERS)
    assert json.loads(FILE.read_text(encoding="utf-8")).keys() == REQUESTS.keys()


def test_what_is_shown_says_something() -> None:
    for path, media_type in ANSWERS:
        example = DESCRIPTION["paths"][path]["get"]["responses"]["200"]["content"][media_type]["example"]
        if media_type == "application/json":
            assert all(value for value in example.values() if isinstance(value, list)) or "/transactions/" in path, path
        else:
            assert len(example) > 100, path
