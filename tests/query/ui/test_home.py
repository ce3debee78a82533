"""The page where people arrive: with an ID, a search, or nothing but the time it went wrong."""

import re

import pytest
from playwright.sync_api import Page, expect

from support.browser import Site
from weftline.deploy.demo.kinds import APPLICATION_ERROR, KINDS, NO_ROUTE, SUCCESS, Kind

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]

FAILED = [kind for kind in KINDS if kind.verdict]
BOX = "Transaction ID, x-request-id, alias, or a search"


@pytest.mark.parametrize("kind", FAILED, ids=lambda kind: kind.name)
def test_the_failing_hop_of_each_kind_is_under_four_clicks_away(page: Page, kind: Kind) -> None:
    """One click: the line that says what failed leads to the newest request that did so, whose page names the hop."""
    page.goto("/")
    root = f"POST {kind.path}"
    lines = page.get_by_role("region", name="Recent failures").get_by_role("listitem")
    line = lines.filter(has_text=re.compile(rf"^{kind.status}{re.escape(root)}"))
    expect(line).to_have_count(1)
    said = kind.verdict.split(" (")[0].split("; ")[0]
    expect(line).to_contain_text(said)
    line.get_by_role("link", name=root).click()
    expect(page).to_have_url(re.compile(r"/trace/[0-9a-f]{32}$"))
    expect(page.locator("main")).to_contain_text(root)
    hop = kind.verdict.split("'s ")[0].split(" ")[0]
    expect(page.locator("main")).to_contain_text(hop)


def test_alike_failures_are_one_line_that_leads_to_them_all(page: Page, pages: Site) -> None:
    page.goto("/")
    lines = page.get_by_role("region", name="Recent failures").get_by_role("listitem")
    expect(lines).to_have_count(len(FAILED))
    several = lines.filter(has_text="POST /no-such-page").get_by_role("link", name=re.compile("such failures"))
    count = int(re.findall(r"\d+", several.inner_text())[0])
    assert count == len([it for it in pages.demo if it.kind is NO_ROUTE])
    several.click()
    expect(page.get_by_role("list", name="Transactions").get_by_role("listitem")).to_have_count(count)


def test_every_service_is_there_with_its_share_of_errors(page: Page) -> None:
    page.goto("/")
    services = page.get_by_role("region", name="Services")
    expect(services.get_by_role("rowheader")).to_have_text(["edge", "cart", "payment"])
    expect(services.get_by_role("row", name="payment")).to_contain_text(re.compile(r"\d+ %"))
    services.get_by_role("link", name="payment", exact=True).click()
    expect(page.get_by_role("combobox", name="Search")).to_have_value("service=payment")


def test_the_box_takes_ids_in_any_form(page: Page, pages: Site) -> None:
    sent = pages.of(SUCCESS)
    for text in (
        sent.transaction_id.upper(),
        f"x-request-id: {sent.request_id}",
        f"00-{sent.transaction_id}-{'1' * 16}-01",
    ):
        page.goto("/")
        page.get_by_label(BOX).fill(text)
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_contain_text(sent.transaction_id)


def test_the_box_takes_a_search(page: Page, pages: Site) -> None:
    page.goto("/")
    expect(page.get_by_label(BOX)).to_be_focused()
    page.keyboard.type('log:"can\'t be charged"')
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=log"))
    found = page.get_by_role("list", name="Transactions").get_by_role("listitem")
    expect(found).to_have_count(len([it for it in pages.demo if it.kind is APPLICATION_ERROR]))
