"""What the terminal shows for each kind of request, line by line."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from support import shop
from support.rows import TRANSACTION, access, attempt, log, span
from weftline.collector.store.protocol import Row, SpanEvent
from weftline.query.cli.timeline_view import draw
from weftline.query.identifiers import Match
from weftline.query.routes.transaction_answers import as_json
from weftline.query.timeline import assemble
from weftline.query.timeline.kept import Kept
from weftline.query.times import spelt

STORIES = {
    "attempts": [*shop.retry(), attempt("sidecar-outbound", "o1", number=1, ms=4.5, took=11, code=0, flags="UF,URX")],
    "success": shop.success(),
    "sampled out": shop.success(sampled=False),
    "retry": shop.retry(),
    "retry sampled out": shop.retry(sampled=False),
    "no route": shop.no_route(),
    "upstream down": shop.upstream_down(),
    "timeout": shop.timeout(),
    "laptop": shop.laptop(),
    "clock behind": shop.shifted(shop.retry(), "payment", -5),
}


def drawn(
    rows: list[Row], width: int = 80, *, verbose: bool = False, truncated: bool = False, **console: Any
) -> list[str]:
    answer = _answer(rows, truncated=truncated)
    out = io.StringIO()
    draw(answer, Console(file=out, width=width, **console), verbose=verbose)
    return out.getvalue().splitlines()


def above(lines: list[str]) -> list[str]:
    """Without what stands below the timeline."""
    blanks = [at for at, line in enumerate(lines) if not line]
    return lines[: blanks[1]] if len(blanks) > 1 else lines


def below(lines: list[str]) -> list[str]:
    blanks = [at for at, line in enumerate(lines) if not line]
    return lines[blanks[1] + 1 :] if len(blanks) > 1 else []


def _answer(rows: list[Row], *, truncated: bool = False) -> Mapping[str, Any]:
    """As it comes over HTTP."""
    timeline = assemble(TRANSACTION, rows)
    pieces = as_json(Match(TRANSACTION, None, ()), timeline, Kept(rows, truncated, (), {}))
    result: Mapping[str, Any] = json.loads(b"".join(pieces))
    return result


def test_a_timeline_in_80_columns() -> None:
    assert above(drawn(shop.success(sampled=False))) == [
        TRANSACTION,
        "POST /checkout → 200",
        "2026-11-22 06:07:12.000 UTC · took 40.0 ms · no errors",
        "edge  cart  payment",
        "● no spans (sampled out or not traced) · ▸ 4 access logs · ≡ 4 log lines",
        "",
        "   ms     took",
        " 0.00  40.0 ms ▸ proxy edge  POST /checkout → 200  to cart",
        " 1.00  38.0 ms └▸ proxy cart inbound  POST /checkout → 200",
        " 3.00           ├≡ cart  INFO checkout order=4711",
        " 5.00  28.0 ms  ├▸ proxy cart outbound  GET /pay → 200  to payment",
        " 6.00  26.0 ms  │└▸ proxy payment inbound  GET /pay → 200",
        " 8.00           │ ├≡ payment  INFO charging 12.50 EUR",
        "20.00           │ └≡ payment  INFO charged",
        "36.00           └≡ cart  INFO order 4711 is paid",
    ]


def test_a_timeline_in_120_columns_has_bars() -> None:
    lines = above(drawn(shop.laptop(), 120))
    assert lines[6:] == [
        "  ms     took",
        "0.00  30.0 ms ━━━━━━━━━━━━━━━━ ● cart  POST /checkout server → 200",
        "1.00          ╵                ├─≡ cart  INFO checkout",
        "2.00  20.0 ms  ━━━━━━━━━━━     └─● cart  GET client",
        "3.00  18.0 ms  ━━━━━━━━━━        └─● payment  GET /pay server → 200",
        "4.00            ╵                  └─≡ payment  INFO charged",
    ]


def test_where_the_time_went_stands_below() -> None:
    assert below(drawn(shop.laptop())) == [
        "Of 30.0 ms the answer waited",
        "  18.0 ms  60% ━━━━━━━      in payment",
        "  10.0 ms  33% ━━━━         in cart",
        "  2.00 ms   7% ━            on the network behind cart (inferred)",
    ]


def test_many_places_are_summed_up_and_fit() -> None:
    lines = below(drawn(shop.upstream_down()))
    assert lines[1] == "  25.0 ms  62% ━━━━━━━━     in what payment called: no record (inferred)"
    assert lines[-1] == "  2.00 ms   5%              in 2 other places"


def test_what_left_no_record_and_whose_clock_is_wrong_stands_below() -> None:
    rows = [*shop.shifted(shop.success(sampled=False), "payment", -5), span("tick", "1", "2", ms=1, took=0)]
    said = " ".join(below(drawn(rows, 200)))
    assert "Not recorded" in said
    assert "payment logged but sent no spans" in said
    assert "a span of cart names a parent that nobody recorded (0000000000000002)" in said
    assert "The clock of payment is 5.00 s behind (give or take 6.00 ms); times here are corrected. Inferred." in said


def test_what_went_wrong_stands_below() -> None:
    lines = drawn(shop.no_route())
    assert lines[0] == "edge proxy: no route for this host and path"
    assert lines[2] == "GET /nowhere → 404 NR"
    assert lines[-3:] == [
        "0.00   200 µs └▸ proxy edge  GET /nowhere → 404 NR",
        "                 no route for this host and path",
        "                 route_not_found",
    ]


def test_retries_and_guesses_are_marked() -> None:
    lines = drawn(shop.retry(sampled=False))
    assert " 4.00  48.0 ms ├▸ proxy cart outbound  GET /pay → 200 (2 attempts)" in lines
    assert " 5.00  10.0 ms │├▸ proxy payment inbound  GET /pay → 503  (place inferred)" in lines
    assert " 7.00          ││└≡ payment  ERROR card service is busy" in lines


def test_attempts_are_shown_where_there_were_several() -> None:
    rows = [
        *shop.retry(sampled=False),
        attempt("sidecar-outbound", "o1", number=1, ms=4.5, took=11, code=503),
        attempt("sidecar-outbound", "o2", number=2, ms=39, took=12),
    ]
    lines = drawn(rows)
    assert " 4.50  11.0 ms │├▹ proxy cart outbound  attempt 1 → 503  to 127.0.0.1:8080" in lines
    assert " 5.00  10.0 ms ││└▸ proxy payment inbound  GET /pay → 503" in lines
    assert "39.00  12.0 ms │└▹ proxy cart outbound  attempt 2 → 200  to 127.0.0.1:8080" in lines
    assert any("4 access logs" in line for line in lines)


def test_a_proxy_s_span_is_told_from_the_application_s_also_by_its_own_attribute() -> None:
    """Istio can't say the role in the resource."""
    lines = drawn([span("ingress", "a", kind="server", attributes={"weftline.proxy.role": "sidecar-inbound"})])
    assert above(lines)[-1].endswith("● proxy cart inbound  ingress server")


def test_the_only_attempt_says_nothing_new_unless_everything_is_asked_for() -> None:
    rows = [*shop.success(sampled=False), attempt("edge", "e1", number=1, ms=0.5, took=39, service="edge")]
    assert drawn(rows) == drawn(shop.success(sampled=False))
    assert " 0.50  39.0 ms ├▹ proxy edge  attempt 1 → 200  to 127.0.0.1:8080" in drawn(rows, verbose=True)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("story", STORIES)
def test_no_line_is_wider_than_the_terminal(story: str, width: int) -> None:
    for verbose in (False, True):
        lines = drawn(STORIES[story], width, verbose=verbose)
        assert max(map(cell_len, lines)) <= width
        assert not any(line != line.rstrip() for line in lines)


def test_each_row_has_its_line() -> None:
    rows = shop.upstream_down()
    offsets = [line.split()[0] for line in above(drawn(rows))[8:] if line[:5].strip()]
    assert len(offsets) == len(rows)


def test_a_terminal_gets_colours_unless_it_wants_none() -> None:
    coloured = "\n".join(drawn(shop.upstream_down(), force_terminal=True, color_system="standard"))
    assert "\x1b[1;31m503 UF" in coloured or "\x1b[1;31m503\x1b[0m" in coloured
    plain = "\n".join(drawn(shop.upstream_down(), force_terminal=True, color_system="standard", no_color=True))
    assert "\x1b[31m" not in plain
    assert "\x1b[1;31m" not in plain


def test_services_have_colours_of_their_own() -> None:
    text = "\n".join(drawn(shop.laptop(), force_terminal=True, color_system="standard"))
    assert "\x1b[36mcart" in text
    assert "\x1b[35mpayment" in text


def test_what_was_logged_cannot_drive_the_terminal() -> None:
    rows: list[Row] = [
        log("red \x1b[31m alert \x07 \x9b2J \u202e[bold]x[/bold]", service="ca\x1brt"),
        access("edge", "e", path="/\x1b]0;title\x07"),
        span("na\x1bme", "a", status="error", status_message="\x1b[2J"),
    ]
    text = "\n".join(drawn(rows, 120))
    assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert "red \\x1b[31m alert \\x07 \\x9b2J \\u202e[bold]x[/bold]" in text


def test_long_and_many_lines_are_cut_unless_verbose() -> None:
    rows: list[Row] = [log("\n".join(["first", *(f"line {n}" for n in range(9))])), log("word " * 100, ms=1)]
    short, full = drawn(rows), drawn(rows, verbose=True)
    assert "(6 more lines: --verbose)" in [line.strip() for line in short]
    assert sum("word" in line for line in short) == 3
    assert short[-1].endswith("…")
    assert sum("line " in line for line in full) == 9
    assert sum(line.count("word") for line in full) == 100


def test_exceptions_are_shown_with_their_type_and_message_and_on_demand_their_stack() -> None:
    exception = {
        "exception.type": "ValueError",
        "exception.message": "bad\nworse",
        "exception.stacktrace": "Traceback\n  line 1",
    }
    rows: list[Row] = [
        span("work", "a", status="error", events=[SpanEvent(0, "exception", exception), SpanEvent(0, "other", {})]),
        log("failed", "a", ms=1, level="ERROR", attributes=exception),
    ]
    assert [line[14:] for line in drawn(rows)[-4:]] == [
        "● cart  work ERROR",
        "│ ValueError: bad",
        "└≡ cart  ERROR failed",
        "   ValueError: bad",
    ]
    assert sum("Traceback" in line for line in drawn(rows, verbose=True)) == 2


def test_a_long_path_leaves_room_for_what_came_of_the_request() -> None:
    path = "/charge?order=4719&currency=EUR&voucher=none&express=yes"
    rows: list[Row] = [access("edge", "e", "", "f", took=306.8, path=path, code=503, cluster="payment", service="edge")]
    assert above(drawn(rows))[-1] == "0.00   307 ms ▸ proxy edge  GET /charge?order=4719&currency... → 503  to payment"
    assert path in " ".join(drawn(rows, 120))
    assert path in "".join(line.strip() for line in above(drawn(rows, verbose=True))[-2:])


def test_odd_rows_are_drawn_too() -> None:
    rows: list[Row] = [
        replace(log("", service=""), severity_text="", severity_number=0),
        replace(log("", ms=1, event_name="order.placed"), severity_text="", severity_number=14),
        access("", "", code=0, method="", path="", log_type="TcpConnectionEnd", service="gateway"),
        span("", "a", kind="unspecified"),
    ]
    text = "\n".join(drawn(rows))
    assert "WARN order.placed" in text
    assert "≡ ?" in text


def test_deep_trees_are_bounded() -> None:
    rows: list[Row] = [span(f"s{n}", f"{n + 1:x}", f"{n:x}" if n else "", ms=n) for n in range(200)]
    lines = drawn(rows)
    assert max(map(cell_len, lines)) <= 80
    assert lines[-1].split() == ["199.00", "1.00", "ms", "…", "└●", "cart", "s199"]


def test_a_cut_answer_says_so() -> None:
    assert drawn([log("x")], truncated=True)[-1] == "There is more: only the first 1 rows are shown."


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 µs"),
        (999_499, "999 µs"),
        (999_999, "1.00 ms"),
        (1_500_000, "1.50 ms"),
        (9_999_999, "10.0 ms"),
        (40_000_000, "40.0 ms"),
        (99_999_999, "100 ms"),
        (306_800_000, "307 ms"),
        (999_999_999, "1.00 s"),
        (1_250_000_000, "1.25 s"),
        (125_000_000_000, "2m05s"),
        (11_220_000_000_000, "3h07m"),
    ],
)
def test_durations_are_short(nanoseconds: int, text: str) -> None:
    assert spelt(nanoseconds) == text
    assert len(text) <= 7
