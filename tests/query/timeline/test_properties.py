"""What holds for every transaction, however odd: random rows from fixed seeds, and the extreme ones by hand."""

import random
from collections import Counter

import pytest

from support import shop
from support.rows import START, TRANSACTION, access, attempt, log, sid, span
from weftline.collector.store.protocol import AccessLogRow, Row, SpanRow
from weftline.query.timeline import Timeline, assemble

SERVICES = ["edge", "cart", "payment"]
ROLES = ["edge", "sidecar-inbound", "sidecar-outbound", ""]


def random_rows(seed: int) -> list[Row]:
    """Few ids and few times, so that ids collide, cycles form, times tie and rows repeat."""
    pick = random.Random(seed)
    ids = ["", *(format(n, "x") for n in range(1, pick.randint(2, 12)))]
    rows: list[Row] = []
    for n in range(pick.randint(0, 30)):
        one, two, three = (pick.choice(ids) for _ in range(3))
        ms, took, service = pick.randint(-3, 6), pick.randint(0, 5), pick.choice(SERVICES)
        match pick.randrange(4):
            case 3:
                rows.append(
                    attempt(pick.choice(ROLES), one, number=pick.randint(0, 2), ms=ms, took=took, service=service)
                )
            case 0:
                kind = pick.choice(["server", "client", "internal", "consumer"])
                resource = {"weftline.proxy.role": role} if (role := pick.choice(ROLES)) else {}
                rows.append(
                    span(f"s{n}", one or "f", two, ms=ms, took=took, service=service, kind=kind, resource=resource)
                )
            case 1:
                rows.append(log(f"l{n}", one, ms=ms, service=service, arrived=two if pick.random() < 0.5 else ""))
            case _:
                role, attempts = pick.choice(ROLES), pick.randint(0, 3)
                rows.append(access(role, one, two, three, ms=ms, took=took, service=service, attempts=attempts))
        if pick.random() < 0.1:
            rows.append(rows[-1])
    return rows


def check(rows: list[Row]) -> Timeline:
    """The laws of a timeline."""
    timeline = assemble(TRANSACTION, rows)
    entries = timeline.entries
    assert Counter(id(entry.row) for entry in entries) == Counter(map(id, rows)), "every row exactly once"
    effective: list[int] = []
    for index, entry in enumerate(entries):
        assert entry.index == index
        assert (entry.parent is None) == (entry.parent_by is None) == (entry.depth == 0)
        assert entry.offset == entry.row.time - entries[0].row.time
        if entry.parent is None:
            effective.append(entry.row.time)
        else:
            assert entry.parent < index, "cause first"
            assert entry.depth == entries[entry.parent].depth + 1
            effective.append(max(entry.row.time, effective[entry.parent]))
            if _is_own_span(entry.row, entries[entry.parent].row):
                effective[-1] = effective[entry.parent]
    assert effective == sorted(effective), "then time"
    return timeline


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
