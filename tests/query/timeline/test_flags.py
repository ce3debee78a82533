"""Response flags: which are harmless is said in Python and in the schema's views, and must be the same."""

import re
from importlib.resources import files

from weftline.query.timeline.flags import HARMLESS, explain

_AMONG_FLAGS = re.compile(r"flag NOT IN \(([^)]*)\)")


def test_the_views_spare_the_same_flags() -> None:
    folder = files("weftline.collector.store").joinpath("schema")
    texts = {each.name: each.read_text(encoding="utf-8") for each in folder.iterdir() if each.name.endswith(".sql")}
    spared = {
        name: set(re.findall(r"'(\w+)'", of)) for name, text in texts.items() for of in _AMONG_FLAGS.findall(text)
    }
    assert spared == dict.fromkeys(spared, HARMLESS)
    assert {"0005_transactions.sql", "0015_searchable.sql"} <= spared.keys()


def test_flags_in_words() -> None:
    assert explain("UF,URX") == "could not connect to the upstream; retries used up"
    assert explain("NEW") == "NEW"
    assert not explain("")
