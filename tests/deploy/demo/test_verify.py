"""What each kind must leave behind, and that a row too many or too few is noticed."""

from typing import Any

import pytest

from weftline.deploy.demo.kinds import KINDS, RETRY, SAMPLED_OUT, SUCCESS, TIMEOUT, Kind
from weftline.deploy.demo.verify import SEVERITIES, differences

ORDER = "4711"
SEVERITY_NUMBERS = {name: number for number, name in SEVERITIES.items()}


def entries(kind: Kind) -> list[dict[str, Any]]:
    """As the query service would answer."""
    return [
        *(
            {
                "kind": "access_log",
                "service": log.service,
                "proxy_role": log.role,
                "response_code": log.code,
                "response_flags": log.flags,
                "upstream_attempts": log.attempts,
            }
            for log in kind.access_logs
        ),
        *(
            {
                "kind": "attempt",
                "service": attempt.service,
                "proxy_role": attempt.role,
                "upstream_attempts": attempt.number,
            }
            for attempt in kind.attempts
        ),
        *(
            {
                "kind": "span",
                "service": span.service,
                "span_kind": span.kind,
                "resource": {"weftline.proxy.role": span.role} if span.role else {},
            }
            for span in kind.spans
        ),
        *(
            {
                "kind": "log",
                "service": line.service,
                "severity_number": SEVERITY_NUMBERS[line.severity],
                "body": line.body.format(order=ORDER),
                "attributes": {"exception.type": "E"} if line.exception else {},
            }
            for line in kind.log_lines
        ),
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_exactly_the_expected_rows_differ_in_nothing(kind: Kind) -> None:
    assert differences(kind, ORDER, entries(kind)) == []
    assert len(entries(kind)) == kind.rows


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_single_row_is_missed_and_noticed_twice(kind: Kind) -> None:
    rows = entries(kind)
    for index in range(len(rows)):
        (missing,) = differences(kind, ORDER, rows[:index] + rows[index + 1 :])
        (extra,) = differences(kind, ORDER, [*rows, rows[index]])
        assert missing.startswith("missing ")
        assert extra.startswith("unexpected ")


def test_a_line_of_another_order_is_not_ours() -> None:
    wrong = differences(SUCCESS, "1", entries(SUCCESS))
    assert (
        "missing log line: LogLine(service='cart', severity='INFO', body='checkout of order 1', exception=False)"
        in (wrong)
    )
    assert len(wrong) == 8


def test_another_severity_code_or_flag_is_noticed() -> None:
    rows = entries(TIMEOUT)
    for index, row in enumerate(rows):
        for name, value in (("severity_number", 1), ("response_code", 418), ("response_flags", "XX")):
            if name in row:
                changed = [*rows[:index], {**row, name: value}, *rows[index + 1 :]]
                assert len(differences(TIMEOUT, ORDER, changed)) == 2


def test_numbers_of_spans() -> None:
    """Server and client of every proxy and of cart, server of payment; two more per further attempt's hop."""
    assert len(SUCCESS.spans) == 4 * 2 + 2 + 1
    assert len(RETRY.spans) == len(SUCCESS.spans) + 1 + 2 + 1
    assert SAMPLED_OUT.spans == ()
