"""Go's syntax of durations, times and truth values."""

import pytest

from weftline.query.routes.go_syntax import parse_bool, parse_duration, parse_time


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0), ("4500ns", 4500), ("1us", 1000), ("1µs", 1000), ("1.5ms", 1_500_000), ("1h2m3.5s", 3_723_500_000_000),
        ("-2s", -2_000_000_000), ("+2s", 2_000_000_000), (".5s", 500_000_000), ("1.s", 1_000_000_000), ("1 s", 1_000_000_000),
    ],
)  # fmt: skip
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "s", "1", "1x", "1s2", "..5s", "9999999h", "1s-1s", "-"])
def test_wrong_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"^time: "):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-22T03:02:54.000Z", 1_795_316_574_000_000_000),
        ("2026-11-22T03:02:54.123456789Z", 1_795_316_574_123_456_789),
        ("2026-11-22T04:02:54.5+01:00", 1_795_316_574_500_000_000),
        ("2026-11-22T04:02:54.5 01:00", 1_795_316_574_500_000_000),
    ],
)
def test_times(text: str, nanoseconds: int) -> None:
    assert parse_time(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "now", "2026-11-22", "2026-13-22T00:00:00Z", "2026-11-22T03:02:54", "1795316574"])
def test_wrong_times(text: str) -> None:
    with pytest.raises(ValueError, match=r'^parsing time ".*" as "2006'):
        parse_time(text)


def test_truth_values() -> None:
    assert all(parse_bool(text) for text in ("1", "t", "T", "TRUE", "true", "True"))
    assert not any(parse_bool(text) for text in ("0", "f", "F", "FALSE", "false", "False"))
    for text in ("", "yes", "tRUE", " true", "2"):
        with pytest.raises(ValueError, match=r"^strconv.ParseBool: parsing "):
            parse_bool(text)
