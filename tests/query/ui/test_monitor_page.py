"""Rate, errors and durations of services and operations; every figure leads to the transactions that it counts."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from support.browser import Site
from weftline.deploy.demo.kinds import APPLICATION_ERROR, TIMEOUT

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))


def parameters(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_every_service_has_its_figures(page: Page) -> None:
    page.goto("/monitor")
    for service in ("edge", "cart", "payment"):
        expect(row(page, service)).to_contain_text(re.compile(r"\d/(s|min).*\d %.* ms.* ms.*(ms|s)"))
    row(page, "payment").get_by_role("link", name="of payment failed").click()
    page.wait_for_url("**/search?**")
    assert parameters(page)["q"] == "service=payment kind=server status=error"
    expect(page.get_by_role("list", name="Transactions").get_by_role("listitem").first).to_be_visible()


def test_a_service_over_time_and_its_operations(page: Page, pages: Site) -> None:
    page.goto("/monitor")
    row(page, "payment").get_by_role("link", name="payment", exact=True).click()
    page.wait_for_url("**/monitor?service=payment")
    for chart in ("Rate: calls from", "Errors: failed from", "Duration: p50 from"):
        expect(page.get_by_role("img", name=re.compile(chart))).to_be_visible()
    expect(row(page, "POST /charge")).to_contain_text("ms")
    page.get_by_role("button", name=re.compile("^client ")).click()
    expect(row(page, "POST /charge")).to_have_count(0)
    page.get_by_role("button", name=re.compile("^server ")).click()
    page.get_by_role("link", name="POST /charge", exact=True).click()
    expect(page.get_by_role("button", name=re.compile("POST .charge"))).to_have_attribute("aria-pressed", "true")
    assert parameters(page) == {"service": "payment", "operation": "POST /charge", "kind": "server"}
    page.reload()
    row(page, "POST /charge").get_by_role("link", name="of POST /charge failed").click()
    page.wait_for_url("**/search?**")
    assert parameters(page)["q"] == 'service=payment kind=server name="POST /charge" status=error'
    expect(page.locator(f"a[href$='{pages.of(APPLICATION_ERROR).transaction_id}']")).to_be_visible()


def test_slow_ones_are_a_click_away(page: Page, pages: Site) -> None:
    page.goto("/monitor?service=payment&operation=POST+%2Fcharge")
    row(page, "POST /charge").get_by_role("link", name=re.compile("and longer")).first.click()
    page.wait_for_url("**/search?**")
    assert re.search(r"duration>=\d+us$", parameters(page)["q"])
    expect(page.locator(f"a[href$='{pages.of(TIMEOUT).transaction_id}']")).to_be_visible()


def test_a_click_on_a_chart_and_a_key_on_its_table_lead_to_that_time(page: Page) -> None:
    page.goto("/monitor?service=cart")
    page.locator(".u-over").first.click(position={"x": 150, "y": 40})
    page.wait_for_url("**/search?**")
    found = parameters(page)
    assert found["q"] == "service=cart kind=server"
    assert float(found["until"]) - float(found["since"]) == 60
    page.go_back()
    page.get_by_text("Step by step").click()
    link = page.get_by_role("region", name="Step by step").get_by_role("rowheader").get_by_role("link").first
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?**")
    expect(page.get_by_role("list", name="Transactions").get_by_role("listitem").first).to_be_visible()


def test_operations_are_found_and_sorted(page: Page) -> None:
    page.goto("/monitor?service=cart")
    header = page.get_by_role("columnheader", name="Operation")
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    operations = page.get_by_role("region", name="Operations").get_by_role("rowheader")
    expect(operations).to_have_text(["ingress", "POST /checkout"])
    page.get_by_label("Find an operation").fill("CHECK")
    expect(operations).to_have_text(["POST /checkout"])
    page.get_by_label("Find an operation").fill("nothing like it")
    expect(page.get_by_role("status")).to_contain_text("No operation has")


def test_a_link_of_jaegers_shows_the_same(page: Page) -> None:
    page.goto("/monitor?" + urlencode({"service": "cart", "lookback": 3_600_000, "spanKind": "client"}))
    page.wait_for_url("**/monitor?service=cart&since=60m&kind=client")
    expect(page.get_by_role("button", name=re.compile("^client "))).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Time", exact=True)).to_have_value("60m")


def test_nothing_to_show_says_what_to_do(page: Page) -> None:
    page.goto("/monitor?since=2020-01-01T00:00&until=2020-01-01T01:00")
    expect(page.get_by_role("heading", name="No spans in this time")).to_be_visible()
    page.goto("/monitor?service=nobody")
    page.get_by_role("button", name="Show all services").click()
    expect(row(page, "cart")).to_be_visible()
    page.goto("/monitor?since=whenever")
    expect(page.get_by_role("alert")).to_contain_text("`whenever` is no time")


def test_figures_that_take_long_can_be_cancelled(page: Page) -> None:
    page.route("**/api/v1/metrics?*", lambda route: None)  # never answered
    page.goto("/monitor")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_contain_text("Cancelled")
    page.unroute("**/api/v1/metrics?*")
    page.get_by_role("button", name="Load it after all").click()
    expect(row(page, "cart")).to_be_visible()
