"""What stands in for the demo in browser tests is the demo's: the rows of each kind, and what is said of them."""

import pytest

from support.browser import Site
from weftline.deploy.demo.kinds import KINDS, Kind
from weftline.deploy.demo.verify import differences
from weftline.query.cli.client import fetch

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_leaves_its_rows_and_its_verdict(pages: Site, kind: Kind) -> None:
    sent = pages.of(kind)
    answer = fetch(sent.transaction_id, pages.url)
    assert differences(kind, sent.order, answer["entries"]) == []
    assert (answer["summary"]["verdict"] or {"text": ""})["text"] == kind.verdict
    assert [entry["parent"] for entry in answer["entries"]].count(None) == 1, "one tree"
