"""Draws services' figures in the terminal: a line a service and kind, the failing first.

service                      kind       calls/s  errors     p50     p95     p99
payment                      server        12.4   3.1 %  4.2 ms   61 ms  250 ms
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from weftline.query.cli.entry_text import printable

Json = Mapping[str, Any]

FIGURES: Final = 50
"""Columns right of the name."""
ENTRIES: Final = ("server", "consumer")
"""Kinds of spans that answer a call; a service that has some is shown by them alone."""
MANY_ERRORS: Final = 0.05
UNITS: Final = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


def draw_services(answer: Json, console: Console) -> None:
    """Print the JSON of /api/v1/metrics, one point a line; no line is wider than ``console``."""
    metrics = answer["metrics"]
    entering = {it["service"] for it in metrics if it["kind"] in ENTRIES}
    shown = [it for it in metrics if it["kind"] in ENTRIES or it["service"] not in entering]
    _header("service", "kind", console)
    for it in sorted(shown, key=lambda it: (-it["error_ratio"], -it["calls"], it["service"], it["operation"])):
        name = Text(printable(it["service"]), "bold")
        if it["operation"]:
            name.append(f"  {printable(it['operation'])}", "not bold")
        _line(name, it["kind"], it, console)


def draw_calls(answer: Json, console: Console) -> None:
    """Print the JSON of /api/v1/dependencies."""
    _header("caller → callee", "", console)
    for it in sorted(
        answer["dependencies"], key=lambda it: (-it["error_ratio"], -it["calls"], it["caller"], it["callee"])
    ):
        name = Text(printable(it["caller"])).append(" → ", "dim").append(printable(it["callee"]), "bold")
        _line(name, "", it, console)


def _header(name: str, kind: str, console: Console) -> None:
    figures = f"{kind:<9}{'calls/s':>9}{'errors':>8}" + "".join(f"{it:>8}" for it in ("p50", "p95", "p99"))
    _print(Text(f"{name:<{_room(console)}}{figures}", "dim"), console)


def _line(name: Text, kind: str, it: Json, console: Console) -> None:
    room = _room(console)
    name.truncate(room - 1, overflow="ellipsis" if not console.options.ascii_only else "crop", pad=False)
    line = name + " " * (room - name.cell_len)
    line.append(f"{kind[:8]:<9}", "dim")
    line.append(f"{_rate(it['calls_per_second']):>9}")
    ratio = it["error_ratio"]
    line.append(f"{_share(ratio):>8}", "" if not ratio else "bold red" if ratio >= MANY_ERRORS else "red")
    for duration in _durations(it, ("0.5", "0.95", "0.99")):
        line.append(f"{duration:>8}")
    _print(line, console)


def _room(console: Console) -> int:
    return max(console.width - FIGURES, 12)


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}" if rate >= 1 else f"{rate:.3f}"


def _share(ratio: float) -> str:
    """``0.0 %`` is no error at all: fewer than that are ``<0.1 %``."""
    return "-" if not ratio else "<0.1 %" if ratio < 0.001 else f"{ratio:.1%}".replace("%", " %")


def _durations(it: Json, levels: Sequence[str]) -> list[str]:
    return [_duration(it["durations_ns"][level]) for level in levels]


def _duration(ns: int) -> str:
    size, unit = next((size, unit) for size, unit in UNITS if ns >= size or size == 1)
    value = ns / size
    return f"{value:.1f} {unit}" if value < 10 and size > 1 else f"{value:.0f} {unit}"


def _print(line: Text, console: Console) -> None:
    if console.options.ascii_only:
        line.plain = line.plain.replace("→", ">").replace("µ", "u").encode("ascii", "backslashreplace").decode("ascii")
    line.truncate(console.width)
    line.rstrip()
    console.print(line, highlight=False, no_wrap=True)
