"""Hostile texts on every page and in every field: nothing of them runs, nothing sticks out on a phone."""

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from support.attacks import ATTACKS
from support.browser import PHONE, Site, page_of

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]

PAGES = ("/", "/search", "/dependencies", "/monitor", "/events", "/mesh", "/propagation?since=1h")
SCRIPTS = tuple(text for text in ATTACKS if "ran" in text)


@pytest.fixture(params=["phone", "wide"])
def guarded(request: pytest.FixtureRequest, browser: Browser, pages: Site, attacked: str) -> Iterator[Page]:
    """A page on which nothing may run, of a store that has the texts everywhere."""
    assert attacked
    with page_of(browser, pages.url, size=PHONE if request.param == "phone" else None) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
        yield page


def is_harmless(page: Page, where: str) -> None:
    assert page.evaluate("window.ran") is None, where
    assert page.title() != "owned", where
    assert page.locator("img[src='x'], main script").count() == 0, where
    sticking_out = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert sticking_out <= 0, where
    text = page.text_content("body") or ""
    assert "\x1b" not in text, where
    assert "\u202e" not in text, where


def test_what_was_sent_is_only_text_on_every_page(guarded: Page) -> None:
    for address in PAGES:
        guarded.goto(address)
        guarded.wait_for_load_state("networkidle")
        expect(guarded.get_by_role("heading", level=1).first).to_be_attached()
        expect(guarded.get_by_role("alert")).to_have_count(0)
        is_harmless(guarded, address)


def test_what_an_address_says_is_only_text(guarded: Page) -> None:
    for text in (SCRIPTS[1], "W" * 2_000, "\u202eexe.gnp"):
        value = quote(text, safe="")
        everything = urlencode(
            dict.fromkeys(
                ("q", "since", "until", "service", "operation", "kind", "route", "find", "view", "sort"), text
            )
        )
        for address in (f"/trace/{value}", f"/trace/{value}...{value}", f"/{value}"):
            guarded.goto(address)
            guarded.wait_for_load_state("networkidle")
            is_harmless(guarded, address)
        for name in ("search", "dependencies", "monitor", "events", "mesh", "propagation"):
            guarded.goto(f"/{name}?{everything}")
            expect(guarded.get_by_role("alert").first).to_be_visible()
            is_harmless(guarded, name)
        for name in ("dependencies", "monitor", "events"):
            guarded.goto(f"/{name}?{urlencode({'service': text, 'route': text, 'operation': text})}")
            guarded.wait_for_load_state("networkidle")
            is_harmless(guarded, name)


def test_what_is_typed_is_only_text(guarded: Page, attacked: str) -> None:
    fields = {
        "/": ["Transaction ID, x-request-id, alias, or a search"],
        "/search": ["Search", "Transaction ID, x-request-id, alias, or a search"],
        "/monitor?service=cart": ["Find an operation"],
        f"/trace/{attacked}": ["Find in rows", "Compare with: ID of another transaction"],
    }
    for address, names in fields.items():
        for name in names:
            for text in (SCRIPTS[1], "W" * 2_000):
                guarded.goto(address)
                guarded.get_by_label(name, exact=True).first.fill(text)
                guarded.keyboard.press("Enter")
                guarded.wait_for_load_state("networkidle")
                is_harmless(guarded, f"{name} of {address}")
