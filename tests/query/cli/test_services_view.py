"""What `weftline services` prints. The command itself, over HTTP on the real store: test_services."""

import io
from typing import Any

from rich.cells import cell_len
from rich.console import Console

from weftline.query.cli.services_view import draw_calls, draw_services


def figures(calls: float, ratio: float, p50: int, p95: int, p99: int) -> dict[str, Any]:
    durations = {"0.5": p50, "0.75": p50, "0.9": p95, "0.95": p95, "0.99": p99}
    return {"calls": calls * 60, "calls_per_second": calls, "error_ratio": ratio, "durations_ns": durations}


def point(service: str, kind: str, *rest: Any, operation: str = "") -> dict[str, Any]:
    return {"service": service, "operation": operation, "kind": kind, **figures(*rest)}


def drawn(draw: Any, answer: dict[str, Any], width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    draw(answer, console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= width
    return lines


METRICS = {
    "metrics": [
        point("cart", "client", 900.0, 0.5, 1, 1, 1),
        point("cart", "server", 1234.5, 0.0, 4_200_000, 61_000_000, 250_000_000),
        point("ledger", "server", 12.4, 0.062, 950_000, 1_500_000_000, 12_000_000_000),
        point("mailer", "consumer", 0.01, 0.0004, 17_000, 17_000, 17_000),
        point("nightly", "internal", 0.002, 0.0, 999, 999, 999),
    ]
}


def test_the_failing_stand_first_and_entries_stand_for_their_service() -> None:
    assert drawn(draw_services, METRICS) == [
        "service                       kind       calls/s  errors     p50     p95     p99",
        "ledger                        server        12.4   6.2 %  950 µs   1.5 s    12 s",
        "mailer                        consumer     0.010  <0.1 %   17 µs   17 µs   17 µs",
        "cart                          server       1,234       -  4.2 ms   61 ms  250 ms",
        "nightly                       internal     0.002       -  999 ns  999 ns  999 ns",
    ]


def test_operations_have_their_names_and_long_ones_are_cut() -> None:
    answer = {
        "metrics": [point("cart", "server", 1.0, 0.0, 1, 1, 1, operation="GET /a/very/long/route/of/cart\x1b[31m")]
    }
    line = drawn(draw_services, answer)[1]
    assert line.startswith("cart  GET /a/very/long/route… server")
    narrow = drawn(draw_services, METRICS, 66)
    assert narrow[1].startswith("ledger          server")


def test_calls_say_who_calls_whom() -> None:
    answer = {
        "dependencies": [
            {"caller": "web", "callee": "cart", **figures(10.0, 0.0, 4_200_000, 61_000_000, 250_000_000)},
            {"caller": "cart", "callee": "ledger", **figures(2.0, 1.0, 4_200_000, 61_000_000, 250_000_000)},
        ]
    }
    assert drawn(draw_calls, answer) == [
        "caller → callee                          calls/s  errors     p50     p95     p99",
        "cart → ledger                                2.0 100.0 %  4.2 ms   61 ms  250 ms",
        "web → cart                                  10.0       -  4.2 ms   61 ms  250 ms",
    ]
