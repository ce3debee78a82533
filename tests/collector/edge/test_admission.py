"""How much the edge takes at a time."""

import pytest

from weftline.collector.edge.admission import Admission, OverCapacity, RateLimit


def test_bytes_are_held_only_while_they_are_under_way() -> None:
    admission = Admission(100)
    with admission.hold() as first:
        first.grow(60)
        with admission.hold() as second:
            with pytest.raises(OverCapacity, match="60 bytes are waiting to be stored, the limit is 100"):
                second.grow(60)
            second.grow(40)
            with pytest.raises(OverCapacity):
                second.grow(41)
    with admission.hold() as third:
        third.grow(100)


def test_a_hold_grows_as_its_body_is_read_and_never_shrinks() -> None:
    admission = Admission(100)
    with admission.hold() as first, admission.hold() as second:
        for size in (10, 70, 30):
            first.grow(size)
        second.grow(30)
        with pytest.raises(OverCapacity):
            first.grow(71)


def test_a_request_larger_than_the_limit_is_admitted_when_nothing_else_is_under_way() -> None:
    with Admission(10).hold() as hold:
        hold.grow(60)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_sender_that_sends_too_much_waits_and_others_do_not() -> None:
    clock = Clock()
    rate = RateLimit(1000, clock)
    for _ in range(2):
        rate.check("wild")
        rate.charge("wild", 600)
    with pytest.raises(OverCapacity, match="wild sends more than 1000 bytes a second") as raised:
        rate.check("wild")
    assert raised.value.seconds == 1
    rate.check("calm")
    clock.now += 0.21
    rate.check("wild")


def test_a_large_request_is_taken_and_waited_for() -> None:
    clock = Clock()
    rate = RateLimit(1000, clock)
    rate.check("s")
    rate.charge("s", 6500)
    with pytest.raises(OverCapacity) as raised:
        rate.check("s")
    assert raised.value.seconds == 6
    clock.now += 5.6
    rate.check("s")
    clock.now += 1000
    rate.charge("s", 900)
    rate.check("s")
    rate.charge("s", 200)
    with pytest.raises(OverCapacity):
        rate.check("s")


def test_without_a_limit_nothing_is_remembered() -> None:
    rate = RateLimit(0, Clock())
    rate.charge("s", 1 << 40)
    rate.check("s")
    assert not rate._senders


def test_senders_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RateLimit, "SENDERS", 3)
    rate = RateLimit(10, Clock())
    for n in range(5):
        rate.charge(f"s{n}", 100)
    assert list(rate._senders) == ["s2", "s3", "s4"]
