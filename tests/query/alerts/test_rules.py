import pytest

from weftline.query.alerts.rules import Receiver, Rule, RulesError, parse

GOOD = """\
receivers:
  - name: oncall
    alertmanager: http://127.0.0.1:9093
  - name: chat
    webhook: https://chat.example/hook/${TOKEN}
    headers: {authorization: "Bearer ${TOKEN}"}
rules:
  - name: Slow
    kind: timeout
    service: [cart, checkout]
    route: pay
    cluster: payment
    threshold: 10
    window: 5m
    labels: {severity: page}
    description: payment is slow again
    receivers: [oncall]
  - {name: Any, kind: [retry, no_route], threshold: 1, window: 30s}
"""


def test_a_whole_file() -> None:
    rules = parse(GOOD, {"TOKEN": "s3cret"})
    assert rules.receivers == (
        Receiver("oncall", "http://127.0.0.1:9093", alertmanager=True),
        Receiver("chat", "https://chat.example/hook/s3cret", False, {"authorization": "Bearer s3cret"}),
    )
    assert rules.rules == (
        Rule(
            "Slow", ("timeout",), 10, 300 * 10**9, "5m", ("cart", "checkout"), ("pay",), ("payment",),
            {"severity": "page"}, "payment is slow again", ("oncall",),
        ),
        Rule("Any", ("retry", "no_route"), 1, 30 * 10**9, "30s"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("was", "becomes", "line", "says"),
    [
        ("kind: timeout", "kind: tiemout", 9, "`tiemout` is no kind of event; there are circuit_breaking"),
        ("kind: timeout\n", "\n", 8, "a rule needs `kind`"),
        ("threshold: 10", "threshold: 0", 13, "`threshold` must be a whole number from 1 on, not `0`"),
        ("threshold: 10", "threshold: ten", 13, "not `ten`"),
        ("threshold: 10", "treshold: 10", 13, "a rule has no `treshold`"),
        ("window: 5m", "window: 5 minutes", 14, "`window`: `5 minutes` is no duration"),
        ("window: 5m", "window: 30d", 14, "`window` must be between 1s and 1w"),
        ("window: 5m", "window: 500ms", 14, "`window` must be between 1s and 1w"),
        ("receivers: [oncall]", "receivers: [onkall]", 17, "there is no receiver `onkall`"),
        ("severity: page", "service: page", 15, "`service` can't be a label"),
        ("severity: page", "a-b: page", 15, "`a-b` can't be a label"),
        ("labels: {severity: page}", "labels: page", 15, "`labels` must be a mapping of texts"),
        ("name: Any", "name: Slow", 18, "`Slow` is the name of two rules"),
        ("name: chat", "name: oncall", 4, "`oncall` is the name of two receivers"),
        ("name: Slow", "name: ''", 8, "the rule's name is empty"),
        ("http://127.0.0.1:9093", "127.0.0.1:9093", 3, "`127.0.0.1:9093` is no http:// or https:// URL"),
        ("https://chat.example", "https://[chat", 5, "is no http:// or https:// URL"),
        ("alertmanager: http://127.0.0.1:9093\n", "\n", 2, "receiver oncall needs one of `alertmanager` and `webhook`"),
        ("${TOKEN}\n", "${NOKEN}\n", 5, "the environment has no variable NOKEN"),
        ("service: [cart, checkout]", "service: []", 10, "an empty list"),
        ("service: [cart, checkout]", "service: {cart: 1}", 10, "a text or a number is expected here"),
        ("rules:\n", "rulez:\n", 7, "the file has no `rulez`; there are receivers, rules"),
        ("window: 5m", "window: [5m", 15, "this is not YAML"),
        ("kind: timeout", "kind: timeout\n    kind: retry", 10, "`kind` stands twice"),
    ],
)  # fmt: skip
def test_every_mistake_has_its_line(was: str, becomes: str, line: int, says: str) -> None:
    assert was in GOOD
    with pytest.raises(RulesError) as caught:
        parse(GOOD.replace(was, becomes, 1), {"TOKEN": "s3cret"})
    problems = caught.value.problems
    assert [it for it in problems if it[0] == line and says in it[1]], problems
    assert "s3cret" not in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(RulesError) as caught:
        parse(GOOD.replace("timeout", "x").replace("threshold: 10", "threshold: x").replace("5m", "x"), {})
    assert [line for line, _ in caught.value.problems] == [5, 6, 9, 13, 14]


@pytest.mark.parametrize("text", ["", "# nothing\n", "just text", "[]", "receivers: []\nrules: []"])
def test_what_is_no_rules_file(text: str) -> None:
    with pytest.raises(RulesError):
        parse(text, {})
