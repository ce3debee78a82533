"""Two transactions side by side."""

import pytest

from support import shop
from support.rows import TRANSACTION, access, log, span
from weftline.collector.store.protocol import Row
from weftline.query.timeline import assemble
from weftline.query.timeline.compare import Change, compare, name_of


def differences(a: list[Row], b: list[Row]) -> list[tuple[int, str, str]]:
    pairs = compare(assemble(TRANSACTION, a).entries, assemble(TRANSACTION, b).entries)
    return [(pair.depth, pair.name, pair.change.value) for pair in pairs]


ROOT = span("POST /checkout", "a", took=100, kind="server")


@pytest.mark.parametrize("story", [shop.success, shop.retry, shop.upstream_down, shop.timeout, shop.laptop])
def test_the_same_differs_in_nothing(story) -> None:
    rows = story()
    pairs = list(compare(assemble(TRANSACTION, rows).entries, assemble(TRANSACTION, rows).entries))
    assert {pair.change for pair in pairs} == {Change.SAME}
    assert sum(pair.a.count for pair in pairs) + sum(it.repeats for it in assemble(TRANSACTION, rows).entries) == len(
        rows
    )


def test_what_only_one_has() -> None:
    a: list[Row] = [ROOT, span("SELECT", "b", "a", ms=1)]
    b: list[Row] = [ROOT, span("redis GET", "c", "a", ms=1), log("cache hit for order 4711", "a", ms=2)]
    assert differences(a, b) == [
        (0, "POST /checkout", "same"),
        (1, "SELECT", "only_a"),
        (1, "redis GET", "only_b"),
        (1, "info: cache hit for order #", "only_b"),
    ]


def test_slower_faster_failed_and_more() -> None:
    def one(took: float, status: str = "unset", times: int = 1) -> list[Row]:
        return [ROOT, *(span("SELECT", f"b{n}", "a", ms=n, took=took, status=status) for n in range(times))]

    assert differences(one(10), one(20))[1] == (1, "SELECT", "slower")
    assert differences(one(20), one(10))[1] == (1, "SELECT", "faster")
    assert differences(one(10), one(10.9))[1] == (1, "SELECT", "same")
    assert differences(one(10), one(10, "error"))[1] == (1, "SELECT", "failed_in_b")
    assert differences(one(10, "error"), one(10))[1] == (1, "SELECT", "failed_in_a")
    assert differences(one(10), one(10, times=3))[1] == (1, "SELECT", "count")


def test_other_codes_and_flags_are_another_outcome() -> None:
    ok, other = access("edge", "e", code=200), access("edge", "e", code=404)
    (pair,) = compare(assemble(TRANSACTION, [ok]).entries, assemble(TRANSACTION, [other]).entries)
    assert (pair.change, list(pair.a.outcomes), list(pair.b.outcomes)) == (Change.OUTCOME, ["200"], ["404"])


def test_names_leave_out_what_differs_from_request_to_request() -> None:
    assert name_of(access("edge", "e", path="/orders/4711?token=x")) == "GET /orders/#"
    assert name_of(log("order 0af7651916cd43dd took 1.5 ms")) == "info: order # took # ms"
    assert name_of(span("GET /pay", "a")) == "GET /pay"


def test_a_deep_one_does_not_overflow() -> None:
    rows: list[Row] = [span("deep", f"{n + 1:x}", f"{n:x}" if n else "") for n in range(5_000)]
    assert len(differences(rows, rows)) == 5_000
