"""Lines of a transaction: what passes, what they say, and pages that lose and double none."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.rows import access, at, attempt, log
from weftline.collector.store.line_filter import LineFilter
from weftline.collector.store.protocol import Line
from weftline.query.timeline.lines import Place, in_order, level, page, passes, said, severity

LINES: list[Line] = [
    access("edge", "e", "", "f", service="edge", code=503, flags="UF", details="upstream_reset"),
    log("checkout order=4711", ms=1),
    log("card service is BUSY", ms=2, service="payment", level="WARN"),
    replace(log("no level", ms=3, service="payment"), severity_number=0, severity_text=""),
    attempt("sidecar-outbound", "a", number=2, ms=4, code=200),
]


@pytest.mark.parametrize(
    ("wanted", "passing"),
    [
        (LineFilter(), [0, 1, 2, 3, 4]),
        (LineFilter(services={"payment"}), [2, 3]),
        (LineFilter(kinds={"log"}), [1, 2, 3]),
        (LineFilter(kinds={"access_log", "attempt"}), [0, 4]),
        (LineFilter(level=13), [0, 2]),
        (LineFilter(text="busy"), [2]),
        (LineFilter(text="503 UF"), [0]),
        (LineFilter(since=at(2), until=at(3)), [2, 3]),
    ],
)
def test_what_passes(wanted: LineFilter, passing: list[int]) -> None:
    assert [number for number, line in enumerate(LINES) if passes(wanted, line)] == passing


def test_what_they_say() -> None:
    assert [said(line) for line in LINES] == [
        "GET shop.example/pay → 503 UF to 127.0.0.1:8080",
        "checkout order=4711",
        "card service is BUSY",
        "no level",
        "attempt 2 GET shop.example/pay → 200 to 127.0.0.1:8080",
    ]
    assert [level(severity(line)) for line in LINES] == ["error", "info", "warn", "", "info"]
    assert said(log("", event_name="order.paid")) == "order.paid"


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 7), st.sampled_from(["", "1", "7"]))
def test_pages_lose_and_double_nothing(times: list[int], limit: int, text: str) -> None:
    lines: list[Line] = [log(str(number), ms=ms) for number, ms in enumerate(sorted(times))]
    wanted = LineFilter(text=text)
    everything = [line for line in in_order(lines) if passes(wanted, line)]
    got: list[Line] = []
    after: Place | None = None
    while True:
        some, following = page(everything, after, limit)
        assert len(some) <= limit
        got += some
        if following is None:
            break
        after = Place.of(following.spelt)
    assert got == everything


def test_a_cursor_that_is_none() -> None:
    with pytest.raises(ValueError, match="cursor"):
        Place.of("yesterday")
