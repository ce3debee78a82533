"""Habits from counts by hand. From real Envoys' records: tests/deploy/demo/test_propagation.py."""

from support.asgi import call
from support.rows import START, RowsReader, RowsSearcher
from weftline.collector.store.mesh import OpenRequest, OutboundCall, PassedCount
from weftline.query.app import create_app
from weftline.query.mesh.propagation import HEADERS, Habit, propagation
from weftline.query.settings import QuerySettings


def made(service: str, node: str, passed: str, *times: int) -> PassedCount:
    calls = [OutboundCall(service, node, passed, time, "ab" * 16, "r", "GET", "/", "c") for time in times]
    return PassedCount(service, node, passed, len(times), calls)


def test_habits_worst_first() -> None:
    counts = [
        PassedCount("a-leaf", "n", "inbound", 5),
        PassedCount("b-cron", "n", "nothing", 5),
        PassedCount("c-good", "n", "inbound", 5),
        PassedCount("c-good", "n", "trace", 9),
        PassedCount("d-mixed", "n", "inbound", 5),
        PassedCount("d-mixed", "n", "trace", 1),
        PassedCount("d-mixed", "n", "nothing", 8),
        PassedCount("e-bad", "n", "inbound", 5),
        PassedCount("e-bad", "n", "own_trace", 5),
    ]
    assert [(it.service, it.habit) for it in propagation(counts, lambda _: None)] == [
        ("e-bad", Habit.DROPS),
        ("d-mixed", Habit.PARTLY),
        ("c-good", Habit.PASSES),
        ("a-leaf", Habit.CALLS_NOBODY),
        ("b-cron", Habit.GETS_NOTHING),
    ]


def test_what_is_missing_is_what_any_call_lacks() -> None:
    counts = [PassedCount("s", "n", "inbound", 5), made("s", "n", "transaction_id", 1), made("s", "m", "request_id", 2)]
    [it] = propagation(counts, lambda _: None)
    assert it.missing == ("traceparent", "tracestate", "x-transaction-id")
    assert it.pods == {"n": 1, "m": 1}
    [it] = propagation([*counts, made("s", "n", "nothing", 3)], lambda _: None)
    assert it.missing == HEADERS


def test_evidence_is_a_few_of_each_kind_from_all_pods_newest_first() -> None:
    counts = [
        PassedCount("s", "n", "inbound", 5), made("s", "n", "nothing", 5, 3, 1), made("s", "m", "nothing", 4, 2),
        made("s", "n", "request_id", 0),
    ]  # fmt: skip
    [it] = propagation(counts, lambda call: OpenRequest(str(call.time), "GET", "/", 2))
    assert [(one.call.time, one.guess and one.guess.transaction_id) for one in it.evidence] == [
        (5, "5"), (4, "4"), (3, "3"), (0, "0"),
    ]  # fmt: skip


def test_whom_nobody_calls_needs_no_evidence() -> None:
    [it] = propagation([made("cron", "n", "nothing", 1)], lambda _: None)
    assert it.evidence == []


def test_the_api_tells_guesses_from_facts() -> None:
    reader = RowsReader()
    reader.passed = [PassedCount("cart", "n", "inbound", 1), made("cart", "n", "nothing", START, START - 1)]
    reader.open = {("cart", "n", START): OpenRequest("cd" * 16, "POST", "/checkout", 3)}
    app = create_app(reader, RowsSearcher(), QuerySettings())
    [cart] = call(app, "/api/v1/propagation").json()["services"]
    assert (cart["habit"], cart["carried"], cart["missing"]) == ("drops", {"nothing": 2}, list(HEADERS))
    known, unknown = cart["evidence"]
    assert known["guess"] == {"transaction_id": "cd" * 16, "method": "POST", "path": "/checkout", "open": 3}
    assert unknown["guess"] is None
    assert call(app, "/api/v1/propagation?since=7h").status_code == 400
    assert call(app, "/api/v1/propagation?since=x").status_code == 400
    reader.away = "away"
    assert call(app, "/api/v1/propagation").status_code == 503
