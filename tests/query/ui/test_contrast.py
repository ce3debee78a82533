"""What stands on bars and on coloured rows can be read, light and dark: there axe sees no mistake, whatever the colours."""

import pytest
from playwright.sync_api import Browser, expect

from support.browser import Site, page_of
from support.contrast import AA, contrasts
from weftline.deploy.demo.kinds import RETRY, SUCCESS, UPSTREAM_DOWN, Kind

pytestmark = [pytest.mark.browser, pytest.mark.clickhouse]

TALL = {"width": 1280, "height": 1600}
STATES: dict[str, tuple[Kind, str]] = {
    "as it comes": (SUCCESS, ""),
    "attempts": (RETRY, ""),
    "critical path": (RETRY, "?path=1"),
    "failed": (UPSTREAM_DOWN, ""),
    "lanes": (UPSTREAM_DOWN, "?lanes=1"),
    "clocks as recorded": (RETRY, "?clock=raw"),
    "found": (RETRY, "?find=charge"),
    "context of what passes a filter": (RETRY, "?kind=log&level=warn"),
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_the_timelines_texts_can_be_read(browser: Browser, pages: Site, state: str, *, dark: bool) -> None:
    kind, parameters = STATES[state]
    with page_of(browser, pages.url, dark=dark, size=TALL) as page:
        page.goto(f"/trace/{pages.of(kind).transaction_id}{parameters}")
        expect(page.get_by_role("treeitem").last).to_be_visible()
        texts = contrasts(page, ".timeline")
        assert any(it.of.startswith("took") for it in texts)
        assert [it for it in texts if it.ratio < AA] == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_in_and_beside_drawings_can_be_read(browser: Browser, pages: Site, *, dark: bool) -> None:
    good, bad = pages.of(SUCCESS).transaction_id, pages.of(UPSTREAM_DOWN).transaction_id
    views = [f"/trace/{bad}?view={view}" for view in ("logs", "spans", "flame", "statistics", "time")]
    with page_of(browser, pages.url, dark=dark, size=TALL) as page:
        for address in (
            *views,
            f"/trace/{good}...{bad}",
            "/dependencies",
            "/monitor?service=cart",
            "/events",
            "/search",
        ):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            texts = contrasts(page, "main")
            assert len(texts) > 20, address
            assert [it for it in texts if it.ratio < AA] == [], address
