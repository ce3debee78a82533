"""Draws the mesh's events in the terminal: how many of each kind over time, then two lines an event, oldest first.

09:12:44  cart's outbound proxy: payment was too slow: request timed out
          timeout  504 UT  POST /charge  0af7651916cd43dd8448eb211c80319c
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from weftline.query.cli.entry_text import code, printable

Json = Mapping[str, Any]

BARS: Final = " ▁▂▃▄▅▆▇█"
ASCII_BARS: Final = " .:-=+*#@"
COLUMNS: Final = 40
"""Of the drawing of counts over time, at the most."""
INDENT: Final = " " * 10
MILD: Final = frozenset({"retry", "fault_injection", "client_abort", "rate_limit"})
"""Kinds drawn in yellow: meant to happen, or not the mesh's doing."""


def draw_counts(answer: Json, console: Console) -> None:
    """Print how often each kind happened, most frequent first, over the window that was asked for."""
    since, until, interval = (int(answer[name]) for name in ("since_unix_nano", "until_unix_nano", "interval_ns"))
    first = since // interval
    buckets = max(1, until // interval - first + 1)
    columns = min(COLUMNS, buckets)
    drawn: dict[str, Counter[int]] = {}
    for count in answer["counts"]:
        column = (int(count["start_unix_nano"]) // interval - first) * columns // buckets
        drawn.setdefault(count["kind"], Counter())[column] += count["count"]
    bars = ASCII_BARS if console.options.ascii_only else BARS
    for kind, by_column in sorted(drawn.items(), key=lambda it: (-it[1].total(), it[0])):
        line = Text(f"{by_column.total():>7}  ").append(f"{printable(kind):<25}", _style(kind))
        line.append(_sparkline(by_column, columns, bars), "dim")
        _print(line, console)


def draw_events(events: Sequence[Json], console: Console) -> None:
    """Print ``events``, which are newest first as the API has them, oldest first."""
    for event in reversed(events):
        for line in _lines(event, console.width):
            _print(line, console)


def _lines(event: Json, width: int) -> Iterator[Text]:
    at = datetime.fromtimestamp(int(event["time_unix_nano"]) // 10**9, UTC)
    text = Text(f"{printable(event['proxy'])}: ").append(printable(event["text"]), _style(event["kind"]))
    wrapped = list(text.wrap(Console(width=width), max(width - len(INDENT), 12), overflow="fold"))
    for number, line in enumerate(wrapped):
        yield Text(f"{at:%H:%M:%S}  " if number == 0 else INDENT) + line
    if event["began"]:
        yield Text(INDENT).append(f"follows from {printable(event['began']['proxy'])}", "dim italic")
    below = Text(INDENT).append(printable(event["kind"]), "dim")
    if event["response_code"] or event["response_flags"]:
        below.append("  ").append(code(event["response_code"], event["response_flags"]))
    request = f"{event['method']} {event['path']}".strip()
    transaction = Text(f"  {event['transaction_id']}" if event["transaction_id"] else "", "bold")
    room = width - below.cell_len - transaction.cell_len - 2
    if request and room >= len("GET /..."):
        below.append("  ").append(_cut(printable(request), room))
    if below.cell_len + transaction.cell_len > width:
        yield below
        below = Text(INDENT[:-2])
    yield below + transaction


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 3] + "..."


def _sparkline(by_column: Counter[int], columns: int, bars: str) -> str:
    most = max(by_column.values())
    steps = len(bars) - 1
    # Whatever happened at all is seen: rounded up.
    return "".join(bars[-(-by_column[column] * steps // most)] for column in range(columns))


def _style(kind: str) -> str:
    return "yellow" if kind in MILD else "red"


def _print(line: Text, console: Console) -> None:
    if console.options.ascii_only:
        line.plain = line.plain.encode("ascii", "backslashreplace").decode("ascii")
    line.truncate(console.width)
    line.rstrip()
    console.print(line, highlight=False, no_wrap=True)
