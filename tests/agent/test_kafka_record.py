"""Batches of records: who takes them in hand, and that nothing of ours reaches the application's loop."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from weftline.agent import context, counters, kafka_record
from weftline.agent.kafka_record import Batch, Record
from weftline.agent.weave import guard


def batch(count: int = 3) -> Batch:
    def describe(_consumer: object, number: int) -> Record:
        parent = f"00-{number + 1:032x}-{1:016x}-00".encode()
        return Record("orders", 0, number, None, [("traceparent", b"not the last"), ("traceparent", parent)], False)

    return Batch(range(count), "test", describe, object())


def here() -> int:
    entered = context.transaction()
    return entered.trace_id if entered is not None else 0


def by_statement(records: Any) -> list[int]:
    seen = []
    for _ in records:
        seen.append(here())  # noqa: PERF401 - what is tested
    return seen


LOOPS: dict[str, Callable[[Any], list[int]]] = {
    "for": by_statement,
    "comprehension": lambda records: [here() for _ in records],
    "generator": lambda records: list(here() for _ in records),  # noqa: C400 - what is tested
    "enumerate": lambda records: [here() for _, _ in enumerate(records)],
    "map": lambda records: [here() for _ in map(str, records)],
    "zip": lambda records: [here() for _, _ in zip(records, "abc", strict=True)],
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_loops_take_each_record_in_hand(loop: Callable[[Any], list[int]]) -> None:
    assert loop(batch()) == [1, 2, 3]
    assert here() == 0


def extended(records: Any) -> list[int]:
    made: list[int] = []
    made.extend(records)
    return made


COPIES: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "extend": extended,
    "star": lambda records: [*records],
    "sorted": sorted,
    "slice": lambda records: records[:],
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda records: pickle.loads(pickle.dumps(records)),
}


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
def test_copies_take_nothing_in_hand_and_are_ordinary_lists(
    make: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_record, "take", lambda *_: pytest.fail("taken in hand"))
    made = make(batch())
    assert (type(made), made) == (list, [0, 1, 2])
    assert batch() == made
    assert repr(batch()) == repr(made)


def test_leaving_the_loop_puts_the_record_down() -> None:
    records = batch()
    for _ in records:
        assert here() == 1
        break
    assert here() == 0
    for _ in records:
        inner = [here() for _ in batch(1)]
        assert (inner, here()) == ([1], 1)
        break


def test_what_goes_wrong_with_us_stays_with_us(monkeypatch: pytest.MonkeyPatch) -> None:
    guard.be_strict(False)

    def fails(*_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(kafka_record, "take", fails)
    assert [record for record in batch()] == [0, 1, 2]  # noqa: C416 - what is tested
    assert counters.snapshot()["contained", "test take"] == 3


@pytest.mark.parametrize(
    ("value", "noted"),
    [("a", "a"), (b"a", "a"), ("a" * 65, None), (b"\xc3", None), (7, None), (None, None), ("a\x00", None)],
)
def test_keys(value: object, noted: str | None) -> None:
    assert kafka_record.key(value) == noted
