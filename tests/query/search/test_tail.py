"""A search that goes on: each transaction once, when nothing more arrives of it."""

from dataclasses import replace

from support.rows import RowsSearcher, hit
from weftline.collector.store.conditions import EVERYTHING
from weftline.query.search import tail as module
from weftline.query.search.tail import Tail

SECOND = 10**9
NOW = 1_795_327_632 * SECOND


class Setting:
    def __init__(self) -> None:
        self.now = NOW
        self.searcher = RowsSearcher()
        self.tail = Tail(self.searcher, EVERYTHING, lambda: self.now, lambda: 0.0)

    def told(self) -> list[str]:
        ids = [one.transaction_id[0] for one in self.tail.news()]
        self.now += SECOND
        return ids


def test_what_began_before_is_not_told_and_what_settles_is_told_once() -> None:
    it = Setting()
    it.searcher.hits = [hit("b" * 32, NOW + 1), hit("a" * 32, NOW - 1)]
    assert [it.told() for _ in range(4)] == [[], ["b"], [], []]


def test_what_still_grows_waits_but_not_for_ever() -> None:
    it = Setting()
    growing = hit("b" * 32, NOW + 1)
    told = []
    for number in range(14):
        it.searcher.hits = [replace(growing, logs=number)]
        told += it.told()
    assert told == ["b"]


def test_the_oldest_comes_first() -> None:
    it = Setting()
    it.searcher.hits = [hit("b" * 32, NOW + 2), hit("a" * 32, NOW + 1)]
    it.told()
    assert it.told() == ["a", "b"]


def test_too_many_are_said(monkeypatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 2)
    it = Setting()
    it.told()
    it.searcher.hits = [hit("a" * 32, NOW + 1)]
    it.told()
    it.searcher.hits = [hit(f"{n}" * 32, NOW + 10 - n) for n in range(2, 6)]
    it.told()
    assert it.tail.missed


def test_what_was_told_long_ago_is_forgotten() -> None:
    it = Setting()
    it.searcher.hits = [hit("b" * 32, NOW + 1)]
    it.told()
    it.told()
    it.now += module.LATE
    it.searcher.hits = []
    assert [it.told(), it.told()] == [[], []]
    assert it.tail._seen == {}


def test_what_happened_while_nobody_asked_is_told_and_nothing_twice(monkeypatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 2)
    it = Setting()
    it.searcher.hits = [hit("0" * 32, NOW + 1)]
    assert it.told() + it.told() == ["0"]
    it.now += 400 * SECOND
    it.searcher.hits = [hit(f"{n}" * 32, NOW + n * 40 * SECOND) for n in range(9, 0, -1)] + it.searcher.hits
    assert it.told() == []
    assert not it.tail.missed
    assert it.told() + it.told() == [str(n) for n in range(1, 10)]
    assert it.told() == []


def test_one_that_goes_on_tells_what_may_not_have_been_told() -> None:
    it = Setting()
    it.now = NOW + 300 * SECOND
    it.searcher.hits = [
        hit("a" * 32, NOW + 250 * SECOND),
        hit("b" * 32, NOW - 119 * SECOND),
        hit("c" * 32, NOW - 121 * SECOND),
    ]
    it.tail = Tail(it.searcher, EVERYTHING, lambda: it.now, lambda: 0.0, NOW)
    assert it.told() == []
    assert it.told() == ["b", "a"]
    assert not it.tail.missed
    it.tail = Tail(it.searcher, EVERYTHING, lambda: it.now, lambda: 0.0, NOW - module.BACK)
    it.told()
    assert it.tail.missed, "what began before isn't looked for"
