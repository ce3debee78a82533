"""The search language: what a text means, and where it is wrong. What it finds is tested on the real store."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.collector.store.conditions import (
    EVERYTHING,
    AllOf,
    AnyOf,
    Attribute,
    Column,
    HasRow,
    IsNamed,
    Not,
    Operator,
    RowKind,
    Test,
    WholeIs,
)
from weftline.query.search import Question, SearchSyntaxError, understand
from weftline.query.search.resolve import DEFAULT_SINCE

NOW = 1_795_327_632_000_000_000
"""2026-11-22T06:07:12Z"""
SECOND = 1_000_000_000
SPAN, ACCESS_LOG, LOG = RowKind.SPAN, RowKind.ACCESS_LOG, RowKind.LOG
CART = Test(Column("service"), Operator.EQUAL, "cart")
ERROR = Test(Column("status"), Operator.EQUAL, "error")
TIMEOUT = Test(Column("log"), Operator.CONTAINS, "timeout")
OVERFLOW = Test(Column("flags", many=True), Operator.MATCHES, "UO")


def condition(text: str) -> object:
    return understand(text, NOW).condition


def test_nothing_asked_for_is_everything_of_the_last_hour() -> None:
    question = understand("  ", NOW)
    assert question == Question(EVERYTHING, question.window)
    assert (question.window.since, question.window.until) == (NOW - DEFAULT_SINCE, NOW)


def test_terms_side_by_side_are_one_row_of_each_kind_that_can_have_them() -> None:
    assert condition("service=cart status=error") == AnyOf(
        [HasRow(SPAN, (CART, ERROR)), HasRow(ACCESS_LOG, (CART, ERROR))]
    )


def test_a_term_that_one_kind_has_chooses_it() -> None:
    assert condition("service=cart log:timeout") == HasRow(LOG, (CART, TIMEOUT))


def test_terms_that_no_row_has_together_are_rows_of_their_own() -> None:
    assert condition("flags~UO log:timeout") == AllOf([HasRow(ACCESS_LOG, (OVERFLOW,)), HasRow(LOG, (TIMEOUT,))])


def test_what_narrows_every_row_narrows_each_of_them() -> None:
    assert condition("service=cart status=error log:timeout") == AllOf(
        [
            HasRow(LOG, (CART, TIMEOUT)),
            AnyOf([HasRow(SPAN, (CART, ERROR)), HasRow(ACCESS_LOG, (CART, ERROR))]),
        ]
    )


def test_and_or_not_combine_what_transactions_have() -> None:
    any_cart = AnyOf([HasRow(kind, (CART,)) for kind in RowKind])
    assert condition("service=cart and log:timeout") == AllOf([any_cart, HasRow(LOG, (TIMEOUT,))])
    assert condition("log:timeout or not flags~UO service=cart") == AnyOf(
        [HasRow(LOG, (TIMEOUT,)), AllOf([Not(HasRow(ACCESS_LOG, (OVERFLOW,))), any_cart])]
    )
    assert condition("not (log:timeout or flags~UO)") == Not(
        AnyOf([HasRow(LOG, (TIMEOUT,)), HasRow(ACCESS_LOG, (OVERFLOW,))])
    )
    assert condition("NOT NOT log:timeout") == Not(Not(HasRow(LOG, (TIMEOUT,))))


def test_keywords_in_quotes_are_text() -> None:
    assert condition('log:"and" "or"') == HasRow(
        LOG, (Test(Column("log"), Operator.CONTAINS, "and"), Test(Column("text"), Operator.CONTAINS, "or"))
    )


def test_an_attribute_is_any_name_with_a_dot() -> None:
    test = Test(Attribute("http.route"), Operator.LIKE, "/pay/*")
    assert condition('http.route="/pay/*"') == AnyOf([HasRow(kind, (test,)) for kind in RowKind])
    bare = Test(Attribute("amount"), Operator.GREATER, 5)
    assert condition("attribute.amount>5") == AnyOf([HasRow(kind, (bare,)) for kind in RowKind])


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("name='GET /'", Test(Column("name"), Operator.EQUAL, "GET /")),
        ('name="say \\"hi\\" \\\\d"', Test(Column("name"), Operator.EQUAL, 'say "hi" \\\\d')),
        ("name=a\\*b", Test(Column("name"), Operator.EQUAL, "a*b")),
        ("name!=*", Test(Column("name"), Operator.EXISTS, negated=True)),
        ('name="*"', Test(Column("name"), Operator.LIKE, "*")),
        ("name!~^a(b|c)$", Test(Column("name"), Operator.MATCHES, "^a(b|c)$", negated=True)),
        ("name:x=y", Test(Column("name"), Operator.CONTAINS, "x=y")),
    ],
)
def test_values_are_taken_as_written(text: str, test: Test) -> None:
    assert condition(text) == HasRow(SPAN, (test,))


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("5ns", 5), ("1us", 1000), ("1µs", 1000), ("1.5ms", 1_500_000), (".5s", SECOND // 2), ("2m", 120 * SECOND), ("1h", 3600 * SECOND)],
)  # fmt: skip
def test_durations_have_units(text: str, nanoseconds: int) -> None:
    assert condition(f"total>{text}") == WholeIs(Test(Column("total_duration"), Operator.GREATER, nanoseconds))


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ("level=error", [(Operator.GREATER_OR_EQUAL, 17), (Operator.LESS_OR_EQUAL, 20)]),
        ("level>=WARN", [(Operator.GREATER_OR_EQUAL, 13)]),
        ("level>warning", [(Operator.GREATER, 16)]),
        ("level<info", [(Operator.LESS, 9)]),
        ("level<=info", [(Operator.LESS_OR_EQUAL, 12)]),
        ("level=info..error", [(Operator.GREATER_OR_EQUAL, 9), (Operator.LESS_OR_EQUAL, 20)]),
        ("level=18", [(Operator.GREATER_OR_EQUAL, 18), (Operator.LESS_OR_EQUAL, 18)]),
    ],
)
def test_levels_are_ranges_of_severity_numbers(text: str, tests: list[tuple[Operator, int]]) -> None:
    assert condition(text) == HasRow(LOG, tuple(Test(Column("level"), *one) for one in tests))


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("since=15m", NOW - 900 * SECOND, NOW),
        ("since=2d until=1d", NOW - 172_800 * SECOND, NOW - 86_400 * SECOND),
        ("since=2026-11-22T06:00 until=2026-11-22T07:05:00.5+01:00", NOW - 432 * SECOND, NOW - 132 * SECOND + SECOND // 2),
        ("since=1795327600 until=now", 1_795_327_600 * SECOND, NOW),
        ("until=30m", NOW - 1800 * SECOND - DEFAULT_SINCE, NOW - 1800 * SECOND),
        ("service=cart and since=15m", NOW - 900 * SECOND, NOW),
    ],
)  # fmt: skip
def test_time_is_of_the_whole_search(text: str, since: int, until: int) -> None:
    window = understand(text, NOW).window
    assert (window.since, window.until) == (since, until)


def test_the_text_wins_over_the_parameters_of_time() -> None:
    assert understand("since=5m", NOW, since="1h", until="1m").window.since == NOW - 300 * SECOND
    assert understand("", NOW, since="1h", until="1m").window.until == NOW - 60 * SECOND
    with pytest.raises(ValueError, match="`soon` is no time"):
        understand("", NOW, since="soon")


def test_ids_name_transactions() -> None:
    transaction = "4BF92F3577B34DA6A3CE929D0E0E4736"
    for text in (transaction, f"id={transaction}", f"00-{transaction}-00f067aa0ba902b7-01"):
        assert condition(text) == IsNamed(transaction.lower())
    assert condition("alias=order-4711") == IsNamed("order-4711")
    assert condition(f'"{transaction}"') != IsNamed(transaction.lower())


@pytest.mark.parametrize(
    ("text", "column", "length", "message"),
    [
        ("servce=cart", 1, 6, "There is no field `servce`. Did you mean `service`?"),
        ("status=error duraton>5ms", 14, 7, "Did you mean `duration`?"),
        ("status=failed", 8, 6, "`status` is one of unset, ok, error."),
        ("duration>500", 10, 3, "`500` is no duration"),
        ("duration>5parsec", 10, 7, "units are ns, us, µs, ms, s, m, h, d, w"),
        ("duration~5ms", 1, 8, "`duration` can't be asked with `~`; it takes = != < <= > >=."),
        ("code=abc", 6, 3, "`abc` is no number"),
        ("http.status>abc", 13, 3, "`abc` is no number"),
        ("code=9..1", 6, 4, "This range ends before it begins."),
        ("code!=1..9", 1, 4, "what lies outside of it is `not code=1..9`"),
        ("level=loud", 7, 4, "`loud` is no level"),
        ("service=", 1, 8, "`service=` needs a value."),
        ("(service= )", 2, 9, "`service=` needs a value."),
        ("=cart", 1, 1, "`=` has no field before it."),
        ('log:"never ends', 5, 11, "is never closed"),
        ("(service=cart", 1, 1, "This `(` is never closed."),
        ("service=cart)", 13, 1, "This `)` closes nothing."),
        ("service=cart or", 16, 1, "A term is missing here"),
        ("and service=cart", 1, 1, "A term is missing here"),
        ("()", 2, 1, "A term is missing here"),
        ("not", 4, 1, "A term is missing here"),
        ("not since=5m", 5, 5, "can't stand under `or` and `not`"),
        ("since=tomorrow", 7, 8, "`tomorrow` is no time"),
        ("since=1000-01-01", 7, 10, "lies before 1970 or after 2262"),
        (f"id={'0' * 32}", 4, 32, "only means that there was none"),
        ("(" * 40 + "a" + ")" * 40, 34, 1, "More than 32 levels"),
        (" ".join("a" * 65), 129, 1, "at most 64 terms"),
        ("x" * 5000, 4097, 1, "at most 4096 characters"),
    ],
)
def test_an_error_points_at_its_column(text: str, column: int, length: int, message: str) -> None:
    with pytest.raises(SearchSyntaxError) as raised:
        understand(text, NOW)
    assert message in str(raised.value)
    assert (raised.value.column, raised.value.length) == (column, length)


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before it begins"):
        understand("since=5m until=10m", NOW)


@given(st.text(st.sampled_from(list(" ()=!<>~:\"'\\*.andortservicehtp@µ\x00é☃-0159ms")), max_size=40))
def test_any_text_is_understood_or_refused_with_a_column_in_it(text: str) -> None:
    try:
        understand(text, NOW)
    except ValueError as error:
        refused = error
    else:
        return
    if isinstance(refused, SearchSyntaxError):
        assert 1 <= refused.column <= len(text) + 1
    else:
        assert "ends before it begins" in str(refused)
