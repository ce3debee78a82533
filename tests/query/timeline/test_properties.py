"""What holds for every transaction, however odd: random rows from fixed seeds, and the extreme ones by hand."""

import random
from collections import Counter
from itertools import pairwise

import pytest

from support import shop
from support.random_rows import random_rows
from support.rows import START, TRANSACTION, access, log, sid, span
from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanRow
from weftline.query.timeline import Timeline, assemble


def check(rows: list[Row]) -> Timeline:
    """The laws of a timeline."""
    timeline = assemble(TRANSACTION, rows)
    entries = timeline.entries
    assert Counter(id(entry.row) for entry in entries) == Counter(map(id, rows)), "every row exactly once"
    effective: list[int] = []
    for index, entry in enumerate(entries):
        assert entry.index == index
        assert (entry.parent is None) == (entry.parent_by is None) == (entry.depth == 0)
        assert entry.offset == entry.row.time - timeline.summary.start
        corrected = entry.row.time + entry.correction
        if entry.parent is None:
            effective.append(corrected)
        else:
            assert entry.parent < index, "cause first"
            assert entry.depth == entries[entry.parent].depth + 1
            effective.append(max(corrected, effective[entry.parent]))
            if _is_own_span(entry.row, entries[entry.parent].row):
                effective[-1] = effective[entry.parent]
    assert effective == sorted(effective), "then time, by corrected clocks"
    check_path(timeline)
    return timeline


def check_path(timeline: Timeline) -> None:
    """The critical path covers the longest root exactly once, and its shares add up to it."""
    path, entries = timeline.path, timeline.entries
    longest = max((_took(entry.row) for entry in entries if entry.parent is None), default=0)
    assert sum(piece.end - piece.start for piece in path) == longest
    assert all(piece.start < piece.end for piece in path)
    assert all(one.end == other.start for one, other in pairwise(path))
    for piece in path:
        start = entries[piece.entry].offset + entries[piece.entry].correction
        assert start <= piece.start
        assert piece.end <= start + _took(entries[piece.entry].row)
    assert sum(share.duration for share in timeline.shares) == longest
    assert {(share.place, share.service) for share in timeline.shares} == {
        (piece.place, entries[piece.entry].row.service) for piece in path
    }
    for entry in entries:
        assert 0 <= entry.self_time <= _took(entry.row)


def _took(row: Row) -> int:
    return 0 if isinstance(row, LogRow) else row.duration


def _is_own_span(row: Row, parent: Row) -> bool:
    if not isinstance(row, AccessLogRow) or not isinstance(parent, SpanRow):
        return False
    return parent.span_id == (row.upstream_span_id if row.kind == "attempt" else row.span_id)


@pytest.mark.parametrize("seed", range(300))
def test_random_rows_keep_the_laws(seed: int) -> None:
    check(random_rows(seed))


@pytest.mark.parametrize("seed", range(100))
def test_the_order_of_the_input_does_not_matter(seed: int) -> None:
    rows = random_rows(seed)
    expected = assemble(TRANSACTION, rows)
    for _ in range(3):
        random.Random(seed).shuffle(rows)
        assert assemble(TRANSACTION, rows) == expected


@pytest.mark.parametrize(
    "rows", [shop.success(), shop.success(sampled=False), shop.retry(), shop.upstream_down(), shop.timeout()]
)
def test_stories_keep_the_laws_twice_over(rows: list[Row]) -> None:
    once, twice = check(rows), check(rows * 2)
    assert len(twice.entries) == 2 * len(once.entries)
    assert {entry.depth for entry in twice.entries} == {entry.depth for entry in once.entries}


def test_a_span_that_is_its_own_parent_is_a_root() -> None:
    timeline = check([span("loop", "a", "a"), span("child", "b", "a", ms=1)])
    assert [entry.depth for entry in timeline.entries] == [0, 1]


def test_a_cycle_is_cut_at_its_first_row() -> None:
    timeline = check([span("two", "b", "a", ms=1), span("three", "c", "b", ms=2), span("one", "a", "c", ms=0)])
    assert [(entry.row.span_id, entry.parent) for entry in timeline.entries] == [
        (sid("a"), None),
        (sid("b"), 0),
        (sid("c"), 1),
    ]


def test_what_hangs_on_a_cycle_stays_on_it() -> None:
    timeline = check([span("one", "a", "b", ms=5), span("two", "b", "a", ms=6), log("on it", "b", ms=1)])
    assert [entry.depth for entry in timeline.entries] == [0, 1, 2]


def test_unrecorded_spans_that_name_each_other_do_not_hang() -> None:
    timeline = check([log("one", "a", arrived="b"), log("two", "b", arrived="a")])
    assert [entry.parent for entry in timeline.entries] == [None, None]


def test_a_chain_of_100_000_rows() -> None:
    rows: list[Row] = [span("deep", f"{n + 1:x}", f"{n:x}", ms=0) for n in range(100_000)]
    rows.reverse()
    timeline = assemble(TRANSACTION, rows)
    assert [entry.depth for entry in timeline.entries] == list(range(100_000))


def test_100_000_rows_to_infer() -> None:
    """Unrecorded requests: every row but the proxies' own needs a look-up of the innermost enclosing one."""
    rows: list[Row] = []
    for n in range(25_000):
        rows.append(access("sidecar-inbound", f"a{n:07x}", f"b{n:07x}", f"c{n:07x}", ms=n, took=50_000 - 2 * n))
        rows.append(access("sidecar-outbound", f"d{n:07x}", f"e{n:07x}", f"f{n:07x}", ms=n + 0.2, took=0.1, attempts=2))
        rows.append(access("sidecar-inbound", f"5{n:07x}", f"6{n:07x}", "", ms=n + 0.25, took=0.01, service="payment"))
        rows.append(log("line", f"7{n:07x}", ms=n + 0.3))
    timeline = assemble(TRANSACTION, rows)
    assert len(timeline.entries) == 100_000
    assert timeline.entries[0].row.time == START
    inferred = sum(entry.parent_by == "inferred" for entry in timeline.entries)
    assert inferred == 75_000
