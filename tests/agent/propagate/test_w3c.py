"""W3C Trace Context's rules as tables."""

import pytest

from weftline.agent.propagate import w3c

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-01", 1),
        (f"00-{TRACE}-{SPAN}-00", 0),
        (f"00-{TRACE}-{SPAN}-02", 2),
        (f"00-{TRACE}-{SPAN}-03", 3),
        (f"00-{TRACE}-{SPAN}-ff", 3),  # unknown bits are not passed on
        (f"cc-{TRACE}-{SPAN}-01", 1),  # a higher version is read as far as it agrees
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", 1),
        (f"01-{TRACE}-{SPAN}-01-", 1),
    ],
)
def test_valid(header: str, flags: int) -> None:
    assert w3c.parse(header) == (int(TRACE, 16), int(SPAN, 16), flags)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE[:-1]}x-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",  # the header came twice
        f"00-{'٣' * 32}-{SPAN}-01",  # digits, but not ASCII's
    ],
)
def test_invalid_is_as_good_as_none(header: str | None) -> None:
    assert w3c.parse(header) is None


def test_written_as_version_00() -> None:
    assert w3c.traceparent(int(TRACE, 16), int(SPAN, 16), 1) == f"00-{TRACE}-{SPAN}-01"
    assert w3c.traceparent(1, 2, 0xFE) == f"00-{'0' * 31}1-{'0' * 15}2-02"


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        (None, ""),
        ("", ""),
        ("congo=t61rcWkgMzE", "congo=t61rcWkgMzE"),
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("a=1 , b=2,\t,c=3", "a=1,b=2,c=3"),
        ("fw529a3039@dt=FfffffffCb0,0tenant/x_-*@sys=1", "fw529a3039@dt=FfffffffCb0,0tenant/x_-*@sys=1"),
        ("a=" + "v" * 256, "a=" + "v" * 256),
        ("a=" + "v" * 257, ""),
        ("k" * 256 + "=1", "k" * 256 + "=1"),
        ("k" * 257 + "=1", ""),
        ("Upper=1", ""),
        ("a=b=c", ""),
        ("a=é", ""),
        ("a", ""),
        ("=1", ""),
        ("a=1,a=2", ""),
        (",".join(f"k{i}=1" for i in range(32)), ",".join(f"k{i}=1" for i in range(32))),
        (",".join(f"k{i}=1" for i in range(33)), ""),
    ],
)
def test_tracestate(text: str | None, passed: str) -> None:
    assert w3c.tracestate(text) == passed


def test_overlong_tracestate_sheds_long_members_first_then_from_the_right() -> None:
    long = [f"long{i}=" + "v" * 240 for i in range(16)]
    short = [f"short{i}=" + "v" * 80 for i in range(16)]
    kept = w3c.tracestate(",".join(long + short)).split(",")
    assert 512 <= len(",".join(kept)) <= 4096
    assert kept == [member for member in long + short if member in kept]
    assert set(short) <= set(kept)
    assert set(long) & set(kept) == set(long[: len(set(long) & set(kept))])
