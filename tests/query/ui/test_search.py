"""The search page: its language, what narrows it, its links, Jaeger's links, and what comes in while it is open."""

import json
import re
import time
from contextlib import closing
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from support.browser import Site, send
from support.demo_traffic import transaction
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.deploy.demo.kinds import NO_ROUTE, RETRY, SUCCESS, TIMEOUT, UPSTREAM_DOWN, Kind

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]


def found(page: Page) -> Locator:
    return page.get_by_role("list", name="Transactions").get_by_role("listitem")


def box(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Search")


def count(pages: Site, kind: Kind) -> int:
    return len([it for it in pages.demo if it.kind is kind])


def test_what_is_asked_for_is_found_and_in_the_address(page: Page, pages: Site) -> None:
    page.goto("/search")
    box(page).fill("flags=UF")
    page.keyboard.press("Enter")
    expect(found(page)).to_have_count(count(pages, UPSTREAM_DOWN))
    assert parse_qs(urlsplit(page.url).query)["q"] == ["flags=UF"]
    page.reload()
    expect(box(page)).to_have_value("flags=UF")
    expect(found(page)).to_have_count(count(pages, UPSTREAM_DOWN))
    expect(found(page).first).to_contain_text("503")
    found(page).first.get_by_role("link").click()
    expect(page).to_have_url(re.compile(pages.of(UPSTREAM_DOWN).transaction_id))
    page.go_back()
    expect(box(page)).to_have_value("flags=UF")


def test_the_box_completes_fields_and_values(page: Page, pages: Site) -> None:
    page.goto("/search")
    box(page).click()
    page.keyboard.type("serv")
    expect(page.get_by_role("listbox").get_by_role("option", name="service=")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("listbox").get_by_role("option", selected=True)).to_contain_text("service=")
    page.keyboard.press("Enter")
    expect(box(page)).to_have_value("service=")
    page.keyboard.type("pay")
    expect(page.get_by_role("listbox").get_by_role("option", name="payment")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("listbox").get_by_role("option", selected=True)).to_contain_text("payment")
    page.keyboard.press("Tab")
    expect(box(page)).to_have_value("service=payment")
    page.keyboard.type(" flags=U")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    page.keyboard.type("F")
    page.keyboard.press("Enter")
    expect(found(page)).to_have_count(count(pages, UPSTREAM_DOWN))


def test_a_mistake_is_marked_where_it_is(page: Page) -> None:
    page.goto("/search?" + urlencode({"q": "service=cart duraton>5ms"}))
    expect(page.locator("mark")).to_have_text("duraton")
    expect(page.get_by_role("alert")).to_contain_text("There is no field `duraton`. Did you mean `duration`?")
    expect(box(page)).to_have_attribute("aria-invalid", "true")
    box(page).fill("service=cart duration>5ms")
    expect(page.locator("mark")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(found(page).first).to_be_visible()


def test_a_facet_narrows_and_widens_again(page: Page, pages: Site) -> None:
    page.goto("/search")
    flags = page.get_by_role("region", name="Response flags")
    flags.get_by_role("button", name="NR").click()
    expect(box(page)).to_have_value("flags=NR")
    expect(found(page)).to_have_count(count(pages, NO_ROUTE))
    request = page.get_by_role("region", name="Request")
    request.get_by_role("button", name="POST /no-such-page").click()
    expect(box(page)).to_have_value(r'flags=NR and root~"^POST /no-such-page(\?|$)"')
    expect(found(page)).to_have_count(count(pages, NO_ROUTE))
    button = flags.get_by_role("button", name="NR")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(box(page)).to_have_value(r'root~"^POST /no-such-page(\?|$)"')


def test_the_histogram_narrows_to_a_range_of_durations(page: Page) -> None:
    page.goto("/search?q=flags%3DUT")
    page.get_by_role("region", name="Durations").get_by_role("button").last.click()
    expect(box(page)).to_have_value(re.compile(r"flags=UT and total=\d+ns\.\.\d+ns"))
    expect(found(page).first).to_be_visible()


def test_a_point_of_the_scatter_leads_to_its_transaction(page: Page, pages: Site) -> None:
    page.goto("/search?q=flags%3DNR&limit=1")
    expect(found(page)).to_have_count(1)
    area = page.locator(".u-over")
    size = area.bounding_box()
    assert size
    # The only point: somewhere on the chart, found by going along its lines.
    for across in range(0, round(size["width"]), 12):
        for down in range(0, round(size["height"]), 20):
            area.hover(position={"x": across, "y": down})
            page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
            if page.locator(".near").count():
                expect(page.locator(".near")).to_contain_text("POST /no-such-page")
                area.click(position={"x": across, "y": down})
                expect(page).to_have_url(re.compile(pages.of(NO_ROUTE).transaction_id))
                return
    pytest.fail("No point was found on the chart.")


def test_pages_follow_until_all_is_there(page: Page, pages: Site) -> None:
    page.goto("/search?q=errors%3E0&limit=5")
    expect(found(page)).to_have_count(5)
    page.get_by_role("button", name="More").click()
    expect(found(page)).to_have_count(10)


def test_times_are_relative_or_fixed(page: Page, pages: Site) -> None:
    page.goto("/search?q=flags%3DUT")
    when = page.get_by_label("Time", exact=True)
    when.select_option("5m")
    expect(page).to_have_url(re.compile("since=5m"))
    when.select_option("absolute")
    expect(page.get_by_label("From (UTC)")).to_be_visible()
    page.get_by_label("From (UTC)").fill("2020-01-01T00:00:00")
    page.get_by_label("To (UTC)").fill("2020-01-02T00:00:00")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    query = parse_qs(urlsplit(page.url).query)
    assert (query["since"], query["until"]) == (["2020-01-01T00:00"], ["2020-01-02T00:00"])
    expect(page.get_by_role("button", name="Live")).to_be_disabled()


def test_nothing_found_says_what_to_do_next(page: Page) -> None:
    page.goto("/search?q=service%3Dnobody&since=5m")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.get_by_role("button", name="Look at the last 1h").click()
    expect(page).to_have_url(re.compile("since=1h"))
    page.get_by_role("button", name="Show all requests").click()
    expect(found(page).first).to_be_visible()


def test_a_link_of_jaegers_finds_the_same(page: Page, pages: Site) -> None:
    sent = pages.of(TIMEOUT)
    link = {
        "service": "payment", "operation": "POST /charge", "tags": json.dumps({"http.route": "/charge"}),
        "start": sent.start // 1000 - 10_000, "end": sent.start // 1000 + 10_000, "minDuration": "500ms",
        "maxDuration": "1m30s", "lookback": "1h", "limit": 20,
    }  # fmt: skip
    page.goto("/search?" + urlencode(link))
    expect(box(page)).to_have_value(
        'service=payment name="POST /charge" http.route=/charge duration>=500ms duration<=90000000000ns'
    )
    expect(found(page)).to_have_count(1)
    expect(found(page).get_by_role("link")).to_have_attribute("href", f"/trace/{sent.transaction_id}")


def send_another(store: ClickHouseSettings) -> str:
    """A transaction of now; its ID."""
    new = transaction(SUCCESS, time.time_ns() % 10**9, time.time_ns())
    with closing(ClickHouseWriter(store)) as writer:
        send(writer, [new], f"live-{new.transaction_id}")
    return new.transaction_id


def test_live_shows_what_comes_in_and_says_whether_it_is(page: Page, pages_store: ClickHouseSettings) -> None:
    page.goto("/search?" + urlencode({"q": 'log:"checkout of order"'}))
    expect(found(page).first).to_be_visible()
    page.get_by_role("button", name="Live").click()
    expect(page).to_have_url(re.compile("live=1"))
    state = page.get_by_role("status").filter(has_text=re.compile("^Live: |^The connection is lost"))
    expect(state).to_contain_text("Live: each transaction appears")
    expect(found(page).filter(has=page.locator(f"a[href$='{send_another(pages_store)}']"))).to_be_visible()
    # The network goes, something happens, the network is back.
    page.context.set_offline(True)
    expect(state).to_contain_text("The connection is lost")
    missed = send_another(pages_store)
    page.context.set_offline(False)
    expect(state).to_contain_text("Live: each transaction appears")
    expect(page.locator(f"a[href$='{missed}']")).to_be_visible()
    page.get_by_role("button", name="Live").click()
    expect(state).to_have_count(0)


def test_live_does_not_ask_again_and_again(page: Page, pages_store: ClickHouseSettings) -> None:
    page.goto("/search?live=1&" + urlencode({"q": 'log:"checkout of order"'}))
    expect(page.get_by_role("status").filter(has_text="Live: ")).to_be_visible()
    first = send_another(pages_store)
    expect(page.locator(f"a[href$='{first}']")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(3):
        expect(page.locator(f"a[href$='{send_another(pages_store)}']")).to_be_visible()
    assert len(asked) <= 1, "once more for what was still arriving when the connection was made"


def test_a_service_that_is_away_is_said_and_asked_again(page: Page) -> None:
    page.route("**/api/v1/search?*", lambda route: route.abort())
    page.goto("/search?q=flags%3DUF")
    expect(page.get_by_role("alert")).to_contain_text("The query service doesn't answer.")
    page.unroute("**/api/v1/search?*")
    page.get_by_role("button", name="Try again").click()
    expect(found(page).first).to_be_visible()


def test_a_search_that_takes_long_can_be_cancelled(page: Page) -> None:
    page.route("**/api/v1/search?*", lambda route: None)  # never answered
    page.goto("/search?q=flags%3DUF")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The search was cancelled.")).to_be_visible()


def test_text_from_outside_is_only_shown(page: Page, pages_store: ClickHouseSettings) -> None:
    """Whatever a sender or a link has: it stands on the page as text."""
    attack = "<img src=x onerror=\"document.title='owned'\">"
    page.goto("/search?" + urlencode({"q": attack, "since": attack, "service": attack}))
    expect(page.get_by_role("alert").first).to_be_visible()
    page.goto("/trace/" + "%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D%27owned%27%22%3E")
    page.wait_for_load_state("networkidle")
    assert page.title() != "owned"
    assert page.locator("img[src='x']").count() == 0


def test_a_retry_that_went_well_is_found_by_its_errors(page: Page, pages: Site) -> None:
    page.goto("/search?" + urlencode({"q": "attempts>1"}))
    expect(found(page)).to_have_count(count(pages, RETRY))
    expect(found(page).first).to_contain_text("200")
