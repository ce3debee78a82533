import random

from weftline.query.timeline.enclosing import Enclosing


def test_the_innermost_wins() -> None:
    intervals = Enclosing([(0, 100, 1), (10, 50, 2), (20, 30, 3)])
    assert intervals.find(25, 28) == 3
    assert intervals.find(25, 31) == 2
    assert intervals.find(60, 61) == 1
    assert intervals.find(5, 101) is None
    assert intervals.find(-1, -1) is None
    assert intervals.find(25, 28, besides=3) == 2


def test_none_and_one() -> None:
    assert Enclosing([]).find(0, 0) is None
    assert Enclosing([(0, 0, 7)]).find(0, 0) == 7
    assert Enclosing([(0, 0, 7)]).find(0, 0, besides=7) is None


def test_of_those_that_start_together_the_shortest_wins() -> None:
    assert Enclosing([(0, 5, 1), (0, 9, 2)]).find(0, 3) == 1


def test_it_finds_what_looking_at_every_interval_finds() -> None:
    pick = random.Random(1)
    for _ in range(300):
        size = pick.randint(1, 40)
        starts = [pick.randint(0, 50) for _ in range(size)]
        intervals = [(start, start + pick.randint(0, 30), key) for key, start in enumerate(starts)]
        start = pick.randint(0, 60)
        end = start + pick.randint(0, 20)
        around = [(s, -e, key) for s, e, key in intervals if s <= start and e >= end]
        assert Enclosing(intervals).find(start, end) == (max(around)[2] if around else None)
