"""What every page says while there is nothing to show yet, when there is nothing at all, and when nobody answers."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from support.browser import Site, page_of, site
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.migrate import migrate
from weftline.deploy.demo.kinds import SUCCESS, TIMEOUT
from weftline.deploy.local.clickhouse import ClickHouse

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]

ANSWERS = {
    "/": ("search?*", "POST /no-such-page"),
    "/dependencies": ("dependencies?*", "cart → payment"),
    "/events": ("events?*", "no route for this host and path"),
    "/mesh": ("mesh?*", "payment-1"),
    "/monitor": ("metrics?*", "payment"),
    "/propagation?since=1h": ("propagation?*", "cart passes the headers on"),
    "/search?q=flags%3DUF": ("search?*", "POST /checkout"),
    "/trace/{good}": ("transactions/*", "Went well"),
    "/trace/{good}...{bad}": ("compare?*", "failed in B"),
}
"""Each page, the answer of the API that it can't do without, and what that one says."""
EMPTY = {
    "/": "weftline demo",
    "/dependencies": "No calls between services",
    "/events": "No events",
    "/mesh": "weftline mesh scrape",
    "/monitor": "No spans in this time",
    "/propagation": "weftline envoy config",
    "/search": "Nothing found",
}


def address(path: str, pages: Site) -> str:
    return path.format(good=pages.of(SUCCESS).transaction_id, bad=pages.of(TIMEOUT).transaction_id)


@pytest.mark.parametrize("path", ANSWERS)
def test_a_service_that_is_away_is_said_and_asked_again(page: Page, pages: Site, path: str) -> None:
    answer, says = ANSWERS[path]
    api = f"**/api/v1/{answer}"
    page.route(api, lambda route: route.abort())
    page.goto(address(path, pages))
    alerts = page.get_by_role("alert")
    expect(alerts.first).to_contain_text("The query service doesn't answer.")
    page.unroute(api)
    for again in reversed(page.get_by_role("button", name=re.compile("^(Try|Look) again$")).all()):
        again.click()
    expect(alerts).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text(says)


@pytest.mark.parametrize("path", ["/", "/events", "/mesh", "/propagation?since=1h"])
def test_what_takes_long_says_how_long_and_can_be_cancelled(page: Page, path: str) -> None:
    answer, says = ANSWERS[path]
    api = f"**/api/v1/{answer}"
    page.route(api, lambda route: None)  # never answered
    page.goto(path)
    expect(page.get_by_role("status").filter(has_text=re.compile(r" [2-9] s")).first).to_be_visible()
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.get_by_role("status").filter(has_text="Cancelled.").first).to_be_visible()
    page.unroute(api)
    page.get_by_role("button", name="Load it after all").first.click()
    expect(page.get_by_role("main")).to_contain_text(says)


@pytest.fixture(scope="module")
def nothing(clickhouse: ClickHouse) -> Iterator[Site]:
    """The pages over a store that nobody has sent anything to."""
    store = ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port, database="pages_empty")
    migrate(store)
    with site(store, ()) as running:
        yield running


@pytest.mark.parametrize("path", EMPTY)
def test_an_empty_store_says_what_to_do_next(browser: Browser, nothing: Site, path: str) -> None:
    with page_of(browser, nothing.url) as page:
        page.goto(path)
        expect(page.get_by_role("main")).to_contain_text(EMPTY[path])
        expect(page.get_by_role("alert")).to_have_count(0)
