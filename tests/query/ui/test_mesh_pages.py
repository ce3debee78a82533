"""The pages of the mesh: its events, its proxies' health, which services pass the headers on."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from support.browser import Site
from weftline.deploy.demo.kinds import NO_ROUTE, TIMEOUT, UPSTREAM_DOWN

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]


def test_events_say_what_where_and_lead_to_their_transactions(page: Page, pages: Site) -> None:
    page.goto("/events")
    events = page.get_by_role("list", name="Events").get_by_role("listitem")
    event = events.filter(has_text="payment's outbound proxy: could not connect to ledger").first
    expect(event).to_contain_text("connect failure")
    event.get_by_role("link").click()
    expect(page).to_have_url(re.compile(pages.of(UPSTREAM_DOWN).transaction_id))


def test_events_are_filtered_by_kind_service_and_route(page: Page, pages: Site) -> None:
    page.goto("/events")
    events = page.get_by_role("list", name="Events").get_by_role("listitem")
    page.get_by_role("group", name="Kind").get_by_role("button", name="timeout").click()
    expect(events).to_have_count(len([it for it in pages.demo if it.kind is TIMEOUT]))
    page.get_by_role("group", name="Route").get_by_role("button", name="payment").click()
    page.get_by_role("group", name="Reported by proxies of").get_by_role("button", name="edge").click()
    expect(page.get_by_role("heading", name="No events")).to_be_visible()
    query = parse_qs(urlsplit(page.url).query)
    assert (query["kind"], query["service"], query["route"]) == (["timeout"], ["edge"], ["payment"])
    page.get_by_role("button", name="Show all events").click()
    expect(events.first).to_be_visible()


def test_a_bar_looks_at_its_interval(page: Page) -> None:
    page.goto("/events?kind=no_route")
    bars = page.get_by_role("figure").get_by_role("button", disabled=False)
    bars.last.click()
    expect(page).to_have_url(re.compile(r"since=.*until="))
    expect(page.get_by_role("list", name="Events").get_by_role("listitem")).to_have_count(1)


def test_the_mesh_page_says_which_proxy_loses_and_which_refuses(page: Page) -> None:
    page.goto("/mesh")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile("payment-1")))
    expect(row).to_contain_text("5,000")
    expect(row).to_contain_text("Access logs are lost")
    cart = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile("cart-1")))
    expect(cart).to_contain_text("48 refused: too many waited for a connection")
    edge = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile("edge-1")))
    expect(edge).to_contain_text("3.7 times the mean")
    page.get_by_label("Time", exact=True).select_option("5m")
    expect(page).to_have_url(re.compile("since=5m"))


def test_the_propagation_page_says_who_passes_the_headers_on(page: Page) -> None:
    page.goto("/propagation?since=1h")
    expect(page.get_by_role("heading", name="cart passes the headers on")).to_be_visible()
    expect(page.get_by_role("heading", name="payment passes the headers on")).to_be_visible()


def test_pages_without_anything_to_show_say_what_is_needed(page: Page) -> None:
    page.route(
        "**/api/v1/mesh?*",
        lambda route: route.fulfill(json={"proxies": [], "since_unix_nano": "0", "until_unix_nano": "1"}),
    )
    page.route(
        "**/api/v1/propagation?*",
        lambda route: route.fulfill(json={"services": [], "since_unix_nano": "0", "until_unix_nano": "1"}),
    )
    page.goto("/mesh")
    expect(page.get_by_text("weftline mesh scrape")).to_be_visible()
    page.goto("/propagation")
    expect(page.get_by_text("weftline envoy config")).to_be_visible()


def test_no_route_is_an_event_of_the_edge(page: Page, pages: Site) -> None:
    page.goto("/events?kind=no_route&service=edge")
    events = page.get_by_role("list", name="Events").get_by_role("listitem")
    expect(events).to_have_count(len([it for it in pages.demo if it.kind is NO_ROUTE]))
    expect(events.first).to_contain_text("edge proxy: no route for this host and path")
