"""Draws a transaction in the terminal: a header, then per entry its time, its place in the tree and its text.

offset   took   tree and text
  4.00  28.0 ms ├▸ proxy cart outbound  GET /pay → 503 UF  to payment
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from weftline.query.cli.entry_text import code, details, headline, printable

Json = Mapping[str, Any]

SERVICE_STYLES: Final = ("cyan", "magenta", "bright_blue", "green", "bright_magenta", "bright_cyan", "bright_green")
"""By order of appearance; red and yellow mean something else here."""
WIDE: Final = 100
"""Columns from which there is room for bars and for two columns a level."""
BAR: Final = 16
NARROWEST_TEXT: Final = 12
"""Columns that the text keeps however deep the tree; a terminal that hasn't got them cuts it."""
DETAIL_LINES: Final = 3
"""Lines that a long text gets unless everything was asked for."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters drawn with; a terminal that knows ASCII only gets the second set."""

    rail: str = "│"
    branch: str = "├"
    last: str = "└"
    stroke: str = "─"
    deeper: str = "…"
    arrow: str = "→"
    bar: str = "━"
    point: str = "╵"
    dot: str = "·"
    span: str = "●"
    access_log: str = "▸"
    log: str = "≡"


ASCII: Final = Glyphs("|", "|", "`", "-", ":", "->", "=", "'", "|", "*", ">", "-")


def draw(answer: Json, console: Console, *, verbose: bool = False) -> None:
    """Print ``answer`` (the API's JSON of a transaction) to ``console``; no line is wider than the console."""
    glyphs = ASCII if console.options.ascii_only else Glyphs()
    for line in _lines(answer, console.width, glyphs, verbose=verbose):
        if console.options.ascii_only:
            line.plain = line.plain.encode("ascii", "backslashreplace").decode("ascii")
        # Wrapping has happened before: what is still too wide is a very narrow terminal.
        line.truncate(console.width)
        line.rstrip()
        console.print(line, highlight=False, no_wrap=True)


def _lines(answer: Json, width: int, glyphs: Glyphs, *, verbose: bool) -> Iterator[Text]:
    styles = {
        service: SERVICE_STYLES[number % len(SERVICE_STYLES)]
        for number, service in enumerate(answer["summary"]["services"])
    }
    yield from _header(answer, styles, width, glyphs)
    yield Text()
    columns = _Columns(answer, width, glyphs)
    yield columns.head()
    tree = _Tree(answer["entries"], width, glyphs)
    for index, entry in enumerate(answer["entries"]):
        first, rest = tree.rails(index)
        line = columns.of(entry) + first
        line.append(f"{getattr(glyphs, entry['kind'])} ", _mark_style(entry, styles))
        below = columns.blank() + rest
        room = max(width - below.cell_len, NARROWEST_TEXT)
        text = headline(entry, styles.get(entry["service"], ""), arrow=glyphs.arrow, room=None if verbose else room)
        wrapped = _wrap(text, room, verbose=verbose, glyphs=glyphs)
        yield line + wrapped[0]
        for more in wrapped[1:]:
            yield below + more
        for more in _some(details(entry, verbose=verbose), verbose=verbose):
            for part in _wrap(more, room, verbose=verbose, glyphs=glyphs):
                yield below + part
    yield from _footer(answer)


def _header(answer: Json, styles: Mapping[str, str], width: int, glyphs: Glyphs) -> Iterator[Text]:
    summary = answer["summary"]
    separator = f" {glyphs.dot} "
    title = Text(answer["transaction_id"], "bold")
    if answer["matched_alias"]:
        title.append("  ").append(printable(answer["matched_alias"]), "bold cyan")
    yield title

    result = Text(printable(summary["root"]) or "no request recorded", "bold")
    if summary["response_code"] is not None:
        result.append(f" {glyphs.arrow} ", "dim").append(code(summary["response_code"], summary["response_flags"]))
    if summary["response_flags_text"]:
        result.append(f"  {printable(summary['response_flags_text'])}", "red")
    yield from _wrap(result, width, verbose=True, glyphs=glyphs)

    began = datetime.fromtimestamp(int(summary["start_unix_nano"]) // 10**9, UTC)
    milliseconds = int(summary["start_unix_nano"]) // 10**6 % 1000
    when = f"{began:%Y-%m-%d %H:%M:%S}.{milliseconds:03} UTC{separator}took {duration(summary['duration_ns'])}"
    errors = summary["errors"]
    facts = Text(when + separator)
    facts.append(f"{errors} {_plural('error', errors)}" if errors else "no errors", "bold red" if errors else "green")
    yield from _wrap(facts, width, verbose=True, glyphs=glyphs)

    services = Text()
    for service, style in styles.items():
        services.append("  " if services else "").append(printable(service), style)
    yield from _wrap(services, width, verbose=True, glyphs=glyphs)

    counts = Text()
    for mark, number, name in (
        (glyphs.span, summary["spans"], "span"),
        (glyphs.access_log, summary["access_logs"], "access log"),
        (glyphs.log, summary["logs"], "log line"),
    ):
        counts.append(separator if counts else "", "dim").append(f"{mark} ", "dim")
        counts.append(f"{number or 'no'} {_plural(name, number)}", "" if number or name != "span" else "yellow")
    if not summary["sampled"]:
        counts.append(" (sampled out or not traced)", "yellow")
    yield from _wrap(counts, width, verbose=True, glyphs=glyphs)


def _footer(answer: Json) -> Iterator[Text]:
    if answer["truncated"]:
        yield Text()
        yield Text(f"There is more: only the first {len(answer['entries'])} rows are shown.", "bold yellow")
    if answer["other_transactions"]:
        yield Text()
        yield Text(f"{printable(answer['matched_alias'] or 'This id')} also names, newest first:", "yellow")
        yield from (Text(f"  {other}") for other in answer["other_transactions"])


class _Columns:
    """What stands left of the tree: the offset in milliseconds, the duration, and on wide terminals a bar."""

    def __init__(self, answer: Json, width: int, glyphs: Glyphs) -> None:
        offsets = [entry["offset_ns"] for entry in answer["entries"]]
        self._offset_width = max([len(_milliseconds(offset)) for offset in offsets] + [len("ms")])
        self._total = max(answer["summary"]["duration_ns"], 1)
        self._bar = BAR if width >= WIDE else 0
        self._glyphs = glyphs

    def head(self) -> Text:
        return Text(f"{'ms':>{self._offset_width}}  {'took':>7} ", "dim")

    def blank(self) -> Text:
        return Text(" " * (self._offset_width + 10 + (self._bar + 1 if self._bar else 0)), end="")

    def of(self, entry: Json) -> Text:
        took = duration(entry["duration_ns"]) if entry["kind"] != "log" else ""
        line = Text(f"{_milliseconds(entry['offset_ns']):>{self._offset_width}}  ", end="")
        line.append(f"{took:>7} ", "bold red" if entry["error"] and took else "dim")
        if self._bar:
            line.append(self._draw(entry), "red" if entry["error"] else "dim").append(" ")
        return line

    def _draw(self, entry: Json) -> str:
        """Where in the transaction the entry lies; clocks that are wrong keep it inside."""
        share = min(max(entry["offset_ns"] / self._total, 0), 1)
        start = min(int(share * self._bar), self._bar - 1)
        length = min(max(round(entry["duration_ns"] / self._total * self._bar), 1), self._bar - start)
        drawn = self._glyphs.point if entry["kind"] == "log" else self._glyphs.bar * length
        return (" " * start + drawn).ljust(self._bar)


class _Tree:
    """The lines that lead from an entry to the one that caused it.

    Entries are in order of time, so branches may interleave; a line stands for one level, not for one branch.
    """

    def __init__(self, entries: Sequence[Json], width: int, glyphs: Glyphs) -> None:
        self._entries = entries
        self._glyphs = glyphs
        self._step = 2 if width >= WIDE else 1
        self._levels = max(3, width // 4 // self._step)
        self._last_child: dict[int, int] = {}
        for index, entry in enumerate(entries):
            if entry["parent"] is not None:
                self._last_child[entry["parent"]] = index

    def rails(self, index: int) -> tuple[Text, Text]:
        """What leads to an entry's mark, and what runs down beside further lines of it."""
        pieces: list[str] = []
        parent = self._entries[index]["parent"]
        if parent is not None:
            is_last = self._last_child[parent] == index
            pieces.append(self._connector(is_last))
        at = parent
        while at is not None and len(pieces) < self._levels:
            above = self._entries[at]["parent"]
            if above is not None:
                pieces.append(self._rail(self._last_child[above] > index))
            at = above
        if at is not None:
            pieces[-1] = self._glyphs.deeper.ljust(self._step)
        first = "".join(reversed(pieces))
        goes_on = self._last_child.get(index, -1) > index
        beside = (
            first[: -self._step] + self._rail(parent is not None and self._last_child[parent] > index) if pieces else ""
        )
        return Text(first, "dim", end=""), Text(f"{beside}{self._glyphs.rail if goes_on else ' '} ", "dim", end="")

    def _connector(self, is_last: bool) -> str:
        glyph = self._glyphs.last if is_last else self._glyphs.branch
        return glyph + self._glyphs.stroke * (self._step - 1)

    def _rail(self, goes_on: bool) -> str:
        return (self._glyphs.rail if goes_on else " ").ljust(self._step)


def _mark_style(entry: Json, styles: Mapping[str, str]) -> str:
    return "bold red" if entry["error"] else styles.get(entry["service"], "")


def _wrap(text: Text, width: int, *, verbose: bool, glyphs: Glyphs) -> list[Text]:
    """``text`` in lines of at most ``width`` columns; the last says that there would be more."""
    if text.cell_len <= width:
        return [text]
    lines = list(text.wrap(Console(width=width), width, overflow="fold"))
    if len(lines) <= DETAIL_LINES or verbose:
        return lines
    shown = lines[:DETAIL_LINES]
    shown[-1].truncate(max(width - len(glyphs.deeper), 1))
    return [*shown[:-1], shown[-1] + Text(glyphs.deeper)]


def _some(lines: Iterator[Text], *, verbose: bool) -> list[Text]:
    everything = list(lines)
    if verbose or len(everything) <= DETAIL_LINES + 1:
        return everything
    more = len(everything) - DETAIL_LINES
    return [*everything[:DETAIL_LINES], Text(f"({more} more lines: --verbose)", "dim italic")]


def _milliseconds(nanoseconds: int) -> str:
    """``12.35``; never ``-0.00``."""
    return f"{round(nanoseconds / 1e6, 2) + 0.0:.2f}"


def duration(nanoseconds: int) -> str:
    """In at most seven columns: ``850 µs``, ``1.50 ms``, ``12.3 ms``, ``307 ms``, ``1.25 s``, ``2m05s``, ``3h07m``."""
    milliseconds = nanoseconds / 1e6
    if milliseconds < 0.9995:
        return f"{milliseconds * 1000:.0f} µs"
    for limit, decimals in ((9.995, 2), (99.95, 1), (999.5, 0)):
        if milliseconds < limit:
            return f"{milliseconds:.{decimals}f} ms"
    seconds = nanoseconds / 1e9
    if seconds < 59.995:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"


def _plural(word: str, number: int) -> str:
    return word if number == 1 else word + "s"
