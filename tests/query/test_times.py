import pytest

from weftline.query.times import duration, moment

NOW = 1_795_327_632_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("15m", NOW - 900 * 10**9),
        ("1.5h", NOW - 5400 * 10**9),
        ("2026-11-22T06:07:12", NOW),
        ("2026-11-22T06:07:12Z", NOW),
        ("2026-11-22T07:07:12+01:00", NOW),
        ("2026-11-22", NOW - (6 * 3600 + 7 * 60 + 12) * 10**9),
        ("1795327632", NOW),
        ("1795327632.5", NOW + 500_000_000),
        ("9999w", 0),
    ],
)
def test_a_moment(text: str, expected: int) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "15", "15x", "-5m", "1e9", "2026-13-01", "99999999999", "5 m"])
def test_what_is_none_says_what_to_write(text: str) -> None:
    if text != "15":
        with pytest.raises(ValueError, match=r"no time|no duration"):
            moment(text, NOW)
    with pytest.raises(ValueError, match="no duration"):
        duration(text)
