"""Pages: newest first, in growing stretches of time, never leaving anything out silently."""

import itertools

import pytest

from support.rows import START, RowsSearcher, hit
from weftline.collector.errors import AskOtherwise
from weftline.collector.store.conditions import EVERYTHING
from weftline.collector.store.searcher import Window
from weftline.query.search import Found, Question, find_page
from weftline.query.search.page import FIRST_STRETCH, GROWTH

DAY = 86_400 * 10**9
QUESTION = Question(EVERYTHING, Window(START - DAY, START))
MINUTE = 60 * 10**9
HITS = [hit(f"{n:032x}", START - n * 47 * MINUTE) for n in range(30)]


def page(searcher: RowsSearcher, before=None, limit: int = 10, clock=lambda: 0.0) -> Found:
    return find_page(searcher, QUESTION, before, limit=limit, seconds=5, monotonic=clock)


@pytest.mark.parametrize("limit", [1, 7, 29, 30, 31])
def test_pages_have_every_hit_once_in_order(limit: int) -> None:
    searcher = RowsSearcher(HITS)
    seen, place = [], None
    for _ in range(40):
        found = page(searcher, place, limit)
        seen += found.hits
        if found.next is None:
            assert found.complete
            break
        assert len(found.hits) == limit
        place = found.next
    assert seen == HITS


def test_hits_of_one_moment_are_told_apart_by_their_ids() -> None:
    same = [hit(f"{n:032x}") for n in range(1, 8)]
    searcher = RowsSearcher(same)
    first = page(searcher, limit=3)
    second = page(searcher, first.next, limit=3)
    third = page(searcher, second.next, limit=3)
    assert [*first.hits, *second.hits, *third.hits] == same[::-1]
    assert third.complete


def test_the_newest_stretch_is_enough_for_a_full_page() -> None:
    searcher = RowsSearcher([hit(f"{n:032x}", START - n) for n in range(5)])
    page(searcher, limit=3)
    assert [window for _, window in searcher.asked] == [Window(START - FIRST_STRETCH, START)]


def test_stretches_grow_and_meet() -> None:
    searcher = RowsSearcher()
    found = page(searcher)
    windows = [window for _, window in searcher.asked]
    assert windows[0].until == START
    assert windows[1] == Window(START - FIRST_STRETCH - 1 - GROWTH * FIRST_STRETCH, START - FIRST_STRETCH - 1)
    assert all(later.since == earlier.until + 1 for later, earlier in itertools.pairwise(windows))
    assert windows[-1].since == QUESTION.window.since
    assert found == Found([], QUESTION.window.since, complete=True, reason="", next=None)


def test_a_search_out_of_time_says_how_far_it_came_and_goes_on_from_there() -> None:
    ticks = itertools.count(0, 2)
    searcher = RowsSearcher(HITS)
    found = page(searcher, limit=100, clock=lambda: float(next(ticks)))
    assert not found.complete
    assert found.reason == "the time for one answer is over"
    assert all(one.start >= found.searched_since for one in found.hits)
    rest = page(searcher, found.next, limit=100)
    assert [*found.hits, *rest.hits] == HITS
    assert rest.complete


def test_a_stretch_too_expensive_ends_the_page_after_what_was_found() -> None:
    searcher = RowsSearcher(HITS)
    searcher.refuse = lambda window: AskOtherwise("it reads too many rows") if window.since < START - DAY / 2 else None
    found = page(searcher, limit=100)
    assert found.reason == "it reads too many rows"
    assert found.hits
    searcher.refuse = lambda window: None
    assert [*found.hits, *page(searcher, found.next, limit=100).hits] == HITS


def test_a_search_whose_first_stretch_fails_has_no_answer() -> None:
    searcher = RowsSearcher(HITS)
    searcher.refuse = lambda window: AskOtherwise("it takes too long")
    with pytest.raises(AskOtherwise):
        page(searcher)
