"""Who is told what, and when: pure, time by hand."""

import pytest

from weftline.query.alerts.rules import Receiver, Rule, Rules
from weftline.query.alerts.state import RESEND, Alert, State, dump, load

SECOND = 10**9
HOOK = Receiver("hook", "http://hook", alertmanager=False)
MANAGER = Receiver("manager", "http://manager", alertmanager=True)
SLOW = Rule("Slow", ("timeout",), 3, 60 * SECOND, "1m", labels={"severity": "page"}, description="slow")
RULES = Rules((HOOK, MANAGER), (SLOW,))


def told(state: State, now: int, rules: Rules = RULES) -> list[tuple[str, str, str]]:
    """Deliver all that is due: (receiver, service, status)."""
    what = []
    for notification in list(state.due(rules, now)):
        what += [(notification.receiver.name, alert.labels["service"], alert.status) for alert in notification.alerts]
        state.sent(notification, now)
    state.prune(rules)
    return what


def test_it_fires_once_for_each_service_and_resolves() -> None:
    state = State()
    begun = state.observe(SLOW, {"cart": 3, "edge": 5, "quiet": 2}, 1)
    assert [alert.labels for alert in begun] == [
        {"severity": "page", "alertname": "Slow", "service": "cart"},
        {"severity": "page", "alertname": "Slow", "service": "edge"},
    ]
    assert begun[1].annotations == {"summary": "5 timeout events of edge in 1m (threshold 3)", "description": "slow"}
    assert told(state, 2) == [
        ("hook", "cart", "firing"), ("hook", "edge", "firing"), ("manager", "cart", "firing"), ("manager", "edge", "firing"),
    ]  # fmt: skip
    assert state.observe(SLOW, {"cart": 9, "edge": 2}, 3) == []
    assert told(state, 4) == [("hook", "edge", "resolved"), ("manager", "edge", "resolved")]
    assert [alert.labels["service"] for alert in state.alerts.values()] == ["cart"]
    assert told(state, 5) == []


def test_alertmanager_is_told_again_a_webhook_is_not() -> None:
    state = State()
    state.observe(SLOW, {"cart": 3}, 0)
    told(state, 0)
    assert told(state, RESEND - 1) == []
    assert told(state, RESEND) == [("manager", "cart", "firing")]
    assert told(state, RESEND + 1) == []


def test_a_receiver_that_is_away_is_waited_for_ever_longer_and_holds_nobody_up() -> None:
    state = State()
    state.observe(SLOW, {"cart": 3}, 0)
    now = 0
    delays = []
    for _ in range(12):
        for notification in list(state.due(RULES, now)):
            if notification.receiver is HOOK:
                delays.append(state.failed(notification, now))
            else:
                state.sent(notification, now)
        assert [it.receiver.name for it in state.due(RULES, now)] == []
        now += delays[-1]
    assert delays[:4] == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND]
    assert delays[-1] == 300 * SECOND
    assert ("hook", "cart", "firing") in told(state, now), "it is told in the end"


def test_what_began_and_ended_while_a_receiver_was_away_is_not_news_to_it() -> None:
    state = State()
    state.observe(SLOW, {"cart": 3}, 0)
    [hook, manager] = list(state.due(RULES, 0))
    state.failed(hook, 0)
    state.sent(manager, 0)
    state.observe(SLOW, {}, 1)
    assert told(state, 10 * SECOND) == [("manager", "cart", "resolved")]
    assert state.alerts == {}


def test_a_resolution_that_could_not_be_told_is_kept() -> None:
    state = State()
    state.observe(SLOW, {"cart": 3}, 0)
    told(state, 0)
    state.observe(SLOW, {}, 1)
    for notification in list(state.due(RULES, 1)):
        state.failed(notification, 1)
    state.prune(RULES)
    state = load(dump(state))
    assert told(state, 10 * SECOND) == [("hook", "cart", "resolved"), ("manager", "cart", "resolved")]


def test_what_fires_again_is_told_again() -> None:
    state = State()
    state.observe(SLOW, {"cart": 3}, 0)
    told(state, 0)
    state.observe(SLOW, {}, 1)
    told(state, 1)
    state.observe(SLOW, {"cart": 3}, 2)
    assert told(state, 2) == [("hook", "cart", "firing"), ("manager", "cart", "firing")]


def test_a_restart_fires_nothing_anew_and_keeps_the_beginning() -> None:
    state = State()
    state.observe(SLOW, {"cart": 3}, 7)
    told(state, 8)
    again = load(dump(state))
    again.forget(RULES, 9)
    assert again.observe(SLOW, {"cart": 4}, 9) == []
    assert told(again, 9) == []
    assert [alert.starts_at for alert in again.alerts.values()] == [7]


def test_a_rule_that_was_taken_out_resolves_what_it_fired() -> None:
    state = State()
    state.observe(SLOW, {"cart": 3}, 0)
    told(state, 0)
    other = Rules(RULES.receivers, ())
    state.forget(other, 1)
    assert told(state, 1, other) == [("hook", "cart", "resolved"), ("manager", "cart", "resolved")]


def test_only_the_rules_receivers_are_told() -> None:
    rule = Rule("Slow", ("timeout",), 1, SECOND, "1s", receivers=("hook",))
    state = State()
    state.observe(rule, {"cart": 1}, 0)
    assert told(state, 0, Rules(RULES.receivers, (rule,))) == [("hook", "cart", "firing")]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 2, "alerts": []}', '{"version": 1, "alerts": [{}]}'])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load(text)


def test_labels_make_the_fingerprint() -> None:
    one = Alert("a", {"x": "1", "y": "2"}, {}, 0)
    assert one.fingerprint == Alert("b", {"y": "2", "x": "1"}, {"s": "t"}, 9).fingerprint
    assert one.fingerprint != Alert("a", {"x": "1"}, {}, 0).fingerprint
