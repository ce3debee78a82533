"""What is left out here is what the SQL of the same inserts leaves out."""

import re
from types import ModuleType

import pytest

from weftline.collector.store import statements


@pytest.fixture(scope="module")
def redact() -> ModuleType:
    from weftline.collector.store.native import redact

    return redact


def named_in(pattern: str) -> set[str]:
    match = re.search(pattern, statements.text("insert/any_value.sql"), re.DOTALL)
    assert match
    return set(re.findall(r"'([^']+)'", match[1]))


def test_keys_are_those_of_the_sql(redact: ModuleType) -> None:
    assert set(redact.CREDENTIALS) == named_in(r"\(key -> key IN \(([^)]*)\)\) AS is_credential")
    assert set(redact.URLS) == named_in(r"\(key -> key IN \(([^)]*)\)\) AS is_url")


def test_parameters_are_those_of_the_sql(redact: ModuleType) -> None:
    match = re.search(r"\(\?:\^\|\[\?&;\]\)\(\?:([^)]*)\)=", statements.text("insert/any_value.sql"))
    assert match
    names = set(match[1].split("|")) - {"api[-_]?key"}
    assert len(names) == match[1].count("|")
    assert set(redact.PARAMETERS) == names | {"apikey", "api-key", "api_key"}
