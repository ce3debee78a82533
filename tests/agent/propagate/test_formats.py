"""The header formats besides W3C's, as tables: what is valid, and that nothing else ever raises."""

import base64

import pytest

from weftline.agent.propagate import b3, baggage, jaeger, sw8

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LONG, SHORT = int(TRACE, 16), int(SPAN, 16)
RUBBISH = [None, "", "-", "é", "x" * 9000, "\x00", b"bytes", 7, "0" * 32]


@pytest.mark.parametrize(
    ("header", "parsed"),
    [
        (f"{TRACE}-{SPAN}-1", (LONG, SHORT, 1)),
        (f"{TRACE}-{SPAN}-d", (LONG, SHORT, 1)),
        (f"{TRACE}-{SPAN}-0", (LONG, SHORT, 0)),
        (f"{TRACE}-{SPAN}", (LONG, SHORT, None)),
        (f"{SPAN}-{SPAN}-1-{SPAN}", (SHORT, SHORT, 1)),
        ("0", None),
        (f"{'0' * 32}-{SPAN}-1", None),
        (f"{TRACE}-{'0' * 16}-1", None),
        (f"{TRACE}-{SPAN}-2", None),
        (f"{TRACE[1:]}-{SPAN}-1", None),
        (f"{TRACE.upper()}-{SPAN}-1", None),
        *((text, None) for text in RUBBISH),
    ],
)
def test_b3_single(header: object, parsed: object) -> None:
    assert b3.parse(header) == parsed


@pytest.mark.parametrize(
    ("sampled", "flags", "decision"),
    [
        ("1", None, 1),
        ("true", None, 1),
        ("0", None, 0),
        ("false", None, 0),
        (None, None, None),
        ("0", "1", 1),
        ("x", None, None),
    ],
)
def test_b3_multi(sampled: str | None, flags: str | None, decision: int | None) -> None:
    headers = {b3.TRACE_ID: TRACE, b3.SPAN_ID: SPAN, b3.SAMPLED: sampled, b3.FLAGS: flags}
    assert b3.parse_multi(headers.get) == (LONG, SHORT, decision)
    for missing in (b3.TRACE_ID, b3.SPAN_ID):
        for text in RUBBISH:
            assert b3.parse_multi({**headers, missing: text}.get) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "parsed"),
    [
        (f"{TRACE}:{SPAN}:0:1", (LONG, SHORT, 1)),
        (f"{TRACE}%3A{SPAN}%3a0%3A1", (LONG, SHORT, 1)),
        ("ab:cd:0:2", (0xAB, 0xCD, 1)),
        ("ab:cd:0:0", (0xAB, 0xCD, 0)),
        ("AB:CD:0:8", (0xAB, 0xCD, 0)),
        ("0:cd:0:1", None),
        ("ab:0:0:1", None),
        ("ab:cd:1", None),
        (f"{TRACE}0:cd:0:1", None),
        *((text, None) for text in RUBBISH),
    ],
)
def test_jaeger(header: object, parsed: object) -> None:
    assert jaeger.parse(header) == parsed


def skywalking(sample: str, trace: bytes) -> str:
    other = base64.b64encode(b"x").decode()
    return "-".join([sample, base64.b64encode(trace).decode(), other, "3", other, other, other, other])


@pytest.mark.parametrize(
    ("header", "parsed"),
    [
        (skywalking("1", b"a.42.1"), "a.42.1"),
        (skywalking("0", b"a.42.1"), "a.42.1"),
        (skywalking("2", b"a.42.1"), None),
        (skywalking("1", b""), None),
        (skywalking("1", b"\xff"), None),
        (skywalking("1", b"a\n"), None),
        ("1-%%%-a-3-a-a-a-a", None),
        ("1-YQ==-a-3", None),
        (skywalking("1", b"a" * 2048), None),
        *((text, None) for text in RUBBISH),
    ],
)
def test_sw8(header: object, parsed: object) -> None:
    assert sw8.parse(header) == parsed


@pytest.mark.parametrize(
    ("header", "parsed"),
    [
        ("a=1,b=2", {"a": "1", "b": "2"}),
        (" a = 1 ; ttl=3;x , b=x%20y%2Cz", {"a": "1", "b": "x y,z"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=1,,bad,=1,(x)=1,b=2", {"a": "1", "b": "2"}),
        ("a=\x01,b=2", {"b": "2"}),
        ("a=", {"a": ""}),
        ("a=1," + "b=" + "v" * 8200, {"a": "1"}),
        (",".join(f"k{i}=1" for i in range(70)), {f"k{i}": "1" for i in range(64)}),
        *((text, {}) for text in RUBBISH),
    ],
)
def test_baggage(header: object, parsed: object) -> None:
    assert baggage.parse(header) == parsed


def test_baggage_is_written_within_the_limits_and_reads_back() -> None:
    members = {"a": "x y,z;é=1", "bad key": "1", "n": 7}
    assert baggage.parse(baggage.text(members)) == {"a": "x y,z;é=1", "n": "7"}
    assert baggage.text({}) == ""
    assert len(baggage.parse(baggage.text({f"k{i}": "1" for i in range(70)}))) == 64
    long = baggage.text({"a": "v" * 5000, "b": "v" * 5000, "c": "1"})
    assert (set(baggage.parse(long)), len(long) <= 8192) == ({"a", "c"}, True)


def test_written_formats_read_back() -> None:
    assert b3.parse(b3.single(LONG, SHORT, True)) == (LONG, SHORT, 1)
    assert b3.parse_multi(b3.multi(LONG, SHORT, False).get) == (LONG, SHORT, 0)
    assert jaeger.parse(jaeger.text(LONG, SHORT, True)) == (LONG, SHORT, 1)
