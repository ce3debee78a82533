"""The map of services and its table: who calls whom, what fails on the way, and which upstream nobody answered for."""

import re
import time
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from support.browser import Site
from support.otlp import span, spans_request
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.deploy.demo.kinds import NO_ROUTE, SAMPLED_OUT, TIMEOUT, UPSTREAM_DOWN, Kind

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]


@pytest.fixture
def services(page: Page) -> Locator:
    page.goto("/dependencies")
    found = page.get_by_role("region", name="Service map")
    expect(found).to_be_visible()
    return found


def call(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def count(pages: Site, *kinds: Kind) -> int:
    return len([it for it in pages.demo if it.kind in kinds])


def asked(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query)["q"][0]


def test_the_map_shows_calls_and_what_nobody_answered(page: Page, services: Locator, pages: Site) -> None:
    expect(services.get_by_role("link", name=re.compile("^edge calls cart: "))).to_be_visible()
    expect(services.get_by_role("link", name=re.compile("^cart calls payment: .* err p95 .* ms"))).to_be_visible()
    dead = services.get_by_role("link", name=re.compile("^payment calls ledger: .*100 % err.*UF"))
    expect(dead).to_be_visible()
    expect(dead).to_have_class(re.compile("many"))
    # The same, and more of it, in the table.
    row = call(page, "payment → ledger")
    expect(row).to_contain_text("it sent no row of its own")
    expect(row).to_contain_text("100 %")
    expect(row).to_contain_text(f"payment's outbound proxy {count(pages, UPSTREAM_DOWN)} requests, 100 % failed")
    expect(call(page, "edge → nobody")).to_contain_text(re.compile(f"NR .{count(pages, NO_ROUTE)}"))
    # Sampled out or not: every call is counted.
    assert count(pages, SAMPLED_OUT) > 0
    arrived = len(pages.demo) - count(pages, NO_ROUTE)
    expect(call(page, "edge → cart")).to_contain_text(f"edge proxy {arrived} requests")


def test_a_call_leads_to_its_transactions(page: Page, services: Locator, pages: Site) -> None:
    # On its figures: what lies in the middle of a curve may be beside it.
    services.get_by_role("link", name=re.compile("^payment calls ledger")).locator("text").first.click()
    page.wait_for_url("**/search?**")
    assert asked(page) == "service=payment cluster=ledger"
    found = page.get_by_role("list", name="Transactions").get_by_role("listitem")
    expect(found).to_have_count(count(pages, UPSTREAM_DOWN))
    page.go_back()
    call(page, "cart → payment").get_by_role("link", name=re.compile("of the calls of cart to payment")).click()
    page.wait_for_url("**/search?**")
    assert asked(page) == "service=cart and service=payment status=error"
    expect(page.locator(f"a[href$='{pages.of(TIMEOUT).transaction_id}']")).to_be_visible()


def test_only_what_is_around_a_service(page: Page, services: Locator) -> None:
    services.get_by_role("link", name=re.compile("^payment gets .*: show only calls of and to payment$")).click()
    page.wait_for_url("**/dependencies?service=payment")
    expect(services.get_by_role("link", name=re.compile("^edge calls cart"))).to_have_count(0)
    expect(page.get_by_role("table").get_by_role("rowheader")).to_have_count(2)
    page.reload()
    expect(page.get_by_label("Service", exact=True)).to_have_value("payment")
    page.get_by_label("Service", exact=True).select_option("edge")
    expect(services.get_by_role("link", name=re.compile("^edge calls cart"))).to_be_visible()
    services.get_by_role("link", name=re.compile("^edge .*: show all services$")).click()
    expect(services.get_by_role("link", name=re.compile("^cart calls payment"))).to_be_visible()


def test_keys_reach_every_call_and_flags_say_what_they_mean(page: Page, services: Locator) -> None:
    expect(services.get_by_role("link", name=re.compile("^edge calls cart: "))).to_be_visible()
    services.focus()
    names = []
    for _ in range(6):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.getAttribute('aria-label')") or "")
    assert [name.split(":")[0] for name in names[:3]] == [
        "payment calls ledger",
        "cart calls payment",
        "edge calls cart",
    ]
    flag = call(page, "payment → ledger").locator(".flag")
    flag.focus()
    expect(page.get_by_role("tooltip").filter(has_text="UF: could not connect").first).to_be_visible()
    services.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?**")


def test_a_time_without_calls_says_what_is_needed(page: Page) -> None:
    page.goto("/dependencies?since=2020-01-01T00:00&until=2020-01-02T00:00")
    expect(page.get_by_role("heading", name="No calls between services")).to_be_visible()
    page.goto("/dependencies?since=2020-01-01T00:00&until=2020-01-02T00:00&service=cart")
    page.get_by_role("button", name="Show all services").click()
    expect(page.get_by_label("Service", exact=True)).to_have_value("")
    page.goto("/dependencies?since=30d")
    expect(page.get_by_role("alert")).to_contain_text("7d long at the most")


def test_a_count_that_takes_long_can_be_cancelled(page: Page) -> None:
    page.route("**/api/v1/dependencies?*", lambda route: None)  # never answered
    page.goto("/dependencies")
    page.get_by_role("button", name="Cancel").click()
    page.unroute("**/api/v1/dependencies?*")
    page.get_by_role("button", name="Load it after all").click()
    expect(page.get_by_role("region", name="Service map")).to_be_visible()


def test_many_calls_are_listed_and_drawn_around_one_service(page: Page, pages_store: ClickHouseSettings) -> None:
    """200 services, of which each calls the next, a day ago."""
    at = time.time_ns() - 86_400_000_000_000
    spans = [
        spans_request(
            span(f"{7:032x}", f"{number:016x}", parent=f"{number - 1:016x}" if number > 1 else "", start=at),
            service=f"service-{number}",
        )
        for number in range(1, 202)
    ]
    with closing(ClickHouseWriter(pages_store)) as writer:
        writer.insert(Signal.SPANS, spans, "many services")
    begin = at // 1_000_000_000 - 60
    page.goto(f"/dependencies?since={begin}&until={begin + 120}")
    expect(page.get_by_role("status")).to_contain_text("200 calls are too many for a map")
    expect(page.get_by_role("rowheader")).to_have_count(200)
    page.get_by_label("Service", exact=True).select_option("service-100")
    expect(
        page.get_by_role("region", name="Service map").get_by_role("link", name=re.compile("^service-[0-9]+ calls"))
    ).to_have_count(2)
