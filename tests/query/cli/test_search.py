"""`weftline search` as users run it: against a real HTTP server, over hits by hand."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from support.rows import START, RowsReader, RowsSearcher, hit
from support.server import serve
from weftline.collector.store.searcher import Facet
from weftline.query.app import create_app
from weftline.query.cli.search import search
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.socket

WHEN = ("--since", "2026-11-22T06:00", "--until", "2026-11-22T06:30")
HITS = [
    hit("b" * 32, root="GET /stock?sku=1", response_code=503, response_flags=("UO", "URX"), services=("edge", "cart"), errors=2, duration=1_500_000),
    hit("a" * 32, START - 5, root="", access_logs=0, logs=3, duration=40_000_000),
]  # fmt: skip
FACETS = [
    Facet("found", "", 2),
    Facet("service", "cart", 2),
    Facet("service", "edge", 1),
    Facet("duration", "2097152", 2),
]


@pytest.fixture(scope="module")
def searcher() -> RowsSearcher:
    return RowsSearcher(HITS, FACETS)


@pytest.fixture(scope="module")
def url(searcher: RowsSearcher) -> Iterator[str]:
    with serve(create_app(RowsReader(), searcher, QuerySettings())) as url:
        yield url


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(search, [*arguments, "--url", url], env={"COLUMNS": "80"})


def test_it_prints_what_it_found(url: str) -> None:
    ran = run(url, "status=error", *WHEN)
    assert ran.exit_code == 0
    assert ran.output == (
        f"{'b' * 32}  2026-11-22 06:07:12   1.50 ms  2 errors\n"
        "  GET /stock?sku=1 → 503 UO,URX  edge cart\n"
        f"{'a' * 32}  2026-11-22 06:07:11   40.0 ms\n"
        "  only log lines  cart\n"
    )
    assert max(map(cell_len, ran.output.splitlines())) <= 80


def test_it_says_where_a_search_is_wrong(url: str) -> None:
    ran = run(url, "service=cart", "duraton>5ms", *WHEN)
    assert ran.exit_code == 2
    lines = ran.stderr.splitlines()
    assert lines[0].startswith("weftline: Column 14: There is no field `duraton`.")
    assert lines[1:] == ["  service=cart duraton>5ms", "               ^^^^^^^"]


def test_a_page_leads_to_the_next(url: str) -> None:
    first = run(url, *WHEN, "-n", "1")
    assert first.output.splitlines()[-1] == f"There is more: --cursor {START}-{'b' * 32}"
    second = run(url, *WHEN, "-n", "1", "--cursor", f"{START}-{'b' * 32}")
    assert second.output.startswith("a" * 32)
    assert "There is more" not in second.output


def test_facets_are_drawn(url: str) -> None:
    lines = run(url, *WHEN, "--facets").output.splitlines()
    assert lines[-6:] == [
        "Of the newest 2:",
        "  service",
        f"    {'cart':<36}        2 {'━' * 24}",
        f"    {'edge':<36}        1 {'━' * 12}",
        "  duration",
        f"    {'≤ 2.10 ms':<36}        2 {'━' * 24}",
    ]


def test_json_is_the_apis(url: str) -> None:
    page = json.loads(run(url, *WHEN, "--json").output)
    assert [one["transaction_id"] for one in page["transactions"]] == ["b" * 32, "a" * 32]


def test_nothing_found_says_where_it_looked(url: str) -> None:
    ran = run(url, "--since", "2026-11-21T00:00", "--until", "2026-11-21T01:00")
    assert ran.exit_code == 1
    assert ran.output == "Nothing found between 2026-11-21 00:00:00 and 2026-11-21 01:00:00 UTC.\n"


def test_the_language_is_listed(url: str) -> None:
    ran = run(url, "--fields")
    assert ran.exit_code == 0
    assert "flags" in ran.output
    assert max(map(cell_len, ran.output.splitlines())) <= 80
