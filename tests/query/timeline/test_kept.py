"""A big transaction's rows: the same timeline out of what stays in memory, and each row whole again when it is asked for."""

import random
from dataclasses import replace

import pytest

from support import shop
from support.random_rows import random_rows
from support.rows import TRANSACTION, log, span
from weftline.collector.store.protocol import Row, SpanEvent, SpanLink
from weftline.query.timeline import Timeline, assemble
from weftline.query.timeline import kept as module
from weftline.query.timeline.kept import keep


@pytest.fixture(autouse=True)
def _pack_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNPACKED", 0)
    monkeypatch.setattr(module, "BLOCK", 4)
    monkeypatch.setattr(module, "OPEN_BLOCKS", 2)


def shape(timeline: Timeline) -> object:
    entries = [replace(entry, row=entry.row.span_id) for entry in timeline.entries]  # type: ignore[arg-type]
    return (timeline.summary, entries, timeline.clocks, timeline.path, timeline.gaps)


@pytest.mark.parametrize(
    "rows",
    [shop.success(), shop.success(sampled=False), shop.retry(), shop.upstream_down(), shop.timeout(), shop.laptop()],
)
def test_the_timeline_is_the_same_and_every_row_comes_back_whole(rows: list[Row]) -> None:
    kept = keep([rows], 1000)
    small = assemble(TRANSACTION, kept.rows)
    assert shape(small) == shape(assemble(TRANSACTION, rows))
    whole = [kept.whole(entry.row) for entry in small.entries]
    assert whole == [entry.row for entry in assemble(TRANSACTION, rows).entries]


@pytest.mark.parametrize("seed", range(60))
def test_no_row_is_lost_or_doubled(seed: int) -> None:
    rows = random_rows(seed)
    cuts = sorted(random.Random(seed).sample(range(len(rows) + 1), k=min(3, len(rows))))
    blocks = [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    kept = keep(blocks, 1000)
    got = [kept.whole(entry.row) for entry in assemble(TRANSACTION, kept.rows).entries]
    assert sorted(map(repr, got)) == sorted(map(repr, rows))


def test_what_the_timeline_does_not_look_at_is_not_kept_in_memory() -> None:
    row = span("a", "1", attributes={"big": "x" * 1000}, events=[SpanEvent(1, "e", {})], links=[SpanLink("a", "b", {})])
    kept = keep([[row, log("y" * 1000)]], 10)
    (one, two) = kept.rows
    assert "x" * 1000 not in repr(one)
    assert "y" * 1000 not in repr(two)
    assert kept.whole(one) == row


def test_the_first_by_time_are_kept_and_a_cut_is_said() -> None:
    rows = [log(str(n), ms=n) for n in (3, 1, 2)]
    kept = keep([rows], 2)
    assert (kept.truncated, [kept.whole(row) for row in kept.rows]) == (True, [rows[1], rows[2]])
    assert keep([rows], 3).truncated is False
