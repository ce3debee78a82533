"""What is controlled by the address answers at once, however slow the machine: no box jumps back, no click is lost."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support.browser import Site, page_of
from weftline.deploy.demo.kinds import SUCCESS, TIMEOUT, UPSTREAM_DOWN

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]


@pytest.fixture
def slow(browser: Browser, pages: Site) -> Iterator[Page]:
    with page_of(browser, pages.url, slowdown=6) as page:
        yield page


def clicked(box: Locator) -> bool:
    """What the box shows in the very task of the click."""
    return bool(box.evaluate("box => { box.click(); return box.checked }"))


def chosen(choice: Locator, value: str) -> str:
    """What the list shows in the very task of the choice."""
    return str(
        choice.evaluate(
            """(select, value) => {
              select.value = value;
              select.dispatchEvent(new Event("change", { bubbles: true }));
              return select.value;
            }""",
            value,
        )
    )


def test_a_box_stays_as_it_was_clicked(slow: Page, pages: Site) -> None:
    good, bad = pages.of(SUCCESS).transaction_id, pages.of(UPSTREAM_DOWN).transaction_id
    boxes = {
        f"/trace/{good}...{bad}": ["differences only"],
        f"/trace/{bad}?find=a": ["errors only", "critical path", "only these"],
    }
    for address, names in boxes.items():
        slow.goto(address)
        for name in names:
            box = slow.get_by_label(name)
            assert clicked(box)
            assert not clicked(box)
            box.check()
            box.uncheck()
            box.check()
            expect(box).to_be_checked()


@pytest.mark.parametrize("address", ["/search", "/events", "/monitor", "/dependencies", "/mesh", "/propagation"])
def test_a_list_stays_as_it_was_chosen(slow: Page, address: str) -> None:
    slow.goto(address)
    when = slow.get_by_label("Time", exact=True)
    for value in ("5m", "6h", "5m"):
        assert chosen(when, value) == value
    expect(when).to_have_value("5m")
    if address in ("/monitor", "/dependencies"):
        service = slow.get_by_label("Service", exact=True)
        expect(service.get_by_role("option", name="payment")).to_be_attached()
        assert chosen(service, "payment") == "payment"
        assert chosen(when, "1h") == "1h"
        expect(service).to_have_value("payment")


def test_fast_clicks_add_up(slow: Page, pages: Site) -> None:
    slow.goto("/events")
    buttons = slow.get_by_role("group", name="Kind").get_by_role("button")
    expect(buttons.nth(2)).to_be_visible()
    # No slower than a user's: what one click did is there before anything else happens.
    buttons.evaluate_all(
        """async (buttons) => {
          for (const button of buttons.slice(0, 3)) {
            button.click();
            await null;
          }
        }"""
    )
    for place in range(3):
        expect(buttons.nth(place)).to_have_attribute("aria-pressed", "true")
    slow.goto(f"/trace/{pages.of(TIMEOUT).transaction_id}")
    tabs = slow.get_by_role("tab")
    expect(tabs.first).to_be_visible()
    for place in range(tabs.count()):
        assert tabs.nth(place).evaluate("async (tab) => { tab.click(); await null; return tab.ariaSelected }") == "true"


def test_a_key_is_for_the_matches_that_are_shown(slow: Page, pages: Site) -> None:
    slow.goto(f"/trace/{pages.of(SUCCESS).transaction_id}")
    expect(slow.get_by_role("treeitem").first).to_be_visible()
    slow.keyboard.press("/")
    slow.keyboard.type("order")
    expect(slow.locator(".find output")).not_to_be_empty()
    slow.keyboard.press("Escape")
    slow.keyboard.press("n")
    expect(slow.locator(".entry.selected.found")).to_be_visible()
