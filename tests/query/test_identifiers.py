"""What users paste, and what becomes of it."""

import pytest

from support.rows import TRANSACTION
from weftline.query.identifiers import MalformedIdError, Match, find, normalise

OTHER = "1" * 32
SHORT = "00000000000000004bf92f3577b34da6"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (TRANSACTION, TRANSACTION),
        (TRANSACTION.upper(), TRANSACTION),
        (f"  {TRANSACTION} ", TRANSACTION),
        (f"00-{TRANSACTION}-00f067aa0ba902b7-01", TRANSACTION),
        (f"00-{TRANSACTION.upper()}-00F067AA0BA902B7-00", TRANSACTION),
        (f"cc-{TRANSACTION}-00f067aa0ba902b7-01-what-the-future-will-be-like", TRANSACTION),
        (f"traceparent: 00-{TRANSACTION}-00f067aa0ba902b7-01", TRANSACTION),
        (f"X-Transaction-Id:{TRANSACTION}", TRANSACTION),
        ("x-request-id: 6F9A1C52-0d6f-4b0e-9a3e-5d1c2b7e8f90", "6F9A1C52-0d6f-4b0e-9a3e-5d1c2b7e8f90"),
        ("order 4711/2 ä", "order 4711/2 ä"),
        ("x" * 256, "x" * 256),
        ("traceparent:", "traceparent:"),
    ],
)
def test_ids_are_read_generously(given: str, expected: str) -> None:
    assert normalise(given) == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "The id is empty."),
        ("   ", "The id is empty."),
        ("\t\n", "The id is empty."),
        ("\u3000", "The id is empty."),
        ("x" * 257, "The id has 257 characters"),
        ("a\nb", "control characters"),
        ("a\x00", "control characters"),
        ("a\x1b[31m", "control characters"),
        ("0" * 32, "zeros"),
        (f"00-{'0' * 32}-00f067aa0ba902b7-00", "zeros"),
    ],
)
def test_malformed_ids_are_told_why(given: str, sentence: str) -> None:
    with pytest.raises(MalformedIdError, match=sentence):
        normalise(given)


def test_a_transaction_id_is_no_alias() -> None:
    assert find(TRANSACTION.upper(), lambda _: [TRANSACTION]) == Match(TRANSACTION, None, ())


def test_an_alias_of_several_transactions_names_the_newest() -> None:
    assert find("order-4711", lambda _: [TRANSACTION, OTHER]) == Match(TRANSACTION, "order-4711", (OTHER,))


def test_a_transaction_id_that_is_an_alias_too_names_itself() -> None:
    assert find(TRANSACTION, lambda _: [OTHER, TRANSACTION]) == Match(TRANSACTION, None, (OTHER,))


def test_short_trace_ids_are_found_with_their_leading_zeros() -> None:
    known = {SHORT: [SHORT]}
    assert find("4BF92F3577B34DA6", lambda one: known.get(one, [])) == Match(SHORT, None, ())
    assert find("0" * 16, lambda one: known.get(one, [])) is None


@pytest.mark.parametrize("given", [TRANSACTION[:-1], TRANSACTION + "0", "a" * 17, "a" * 64])
def test_nearly_a_trace_id_is_malformed_unless_it_is_an_alias(given: str) -> None:
    with pytest.raises(MalformedIdError, match=f"has 32 hex digits, this has {len(given)}. Was a digit lost"):
        find(given, lambda _: [])
    assert find(given, lambda _: [TRANSACTION]) == Match(TRANSACTION, given, ())


@pytest.mark.parametrize("given", ["order-4711", "20261122000000000042", "a" * 15, "a" * 65, TRANSACTION])
def test_unknown_ids_are_unknown(given: str) -> None:
    assert find(given, lambda _: []) is None
