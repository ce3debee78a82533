"""Draws a transaction in the terminal: which hop failed and why, then a header, then per entry its time, its place in
the tree and its text.

offset   took   tree and text
  4.00  28.0 ms ├▸ proxy cart outbound  GET /pay → 503 UF  to payment
"""

import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from weftline.query.cli.entry_text import code, details, headline, printable
from weftline.query.cli.fold import without_only_attempts
from weftline.query.cli.gutter import ASCII, Columns, Glyphs, Tree
from weftline.query.cli.story_view import about
from weftline.query.cli.wrapping import DETAIL_LINES, plural, wrap
from weftline.query.times import spelt

Json = Mapping[str, Any]

SERVICE_STYLES: Final = ("cyan", "magenta", "bright_blue", "green", "bright_magenta", "bright_cyan", "bright_green")
"""By order of appearance; red and yellow mean something else here."""
NARROWEST_TEXT: Final = 12
"""Columns that the text keeps however deep the tree; a terminal that hasn't got them cuts it."""


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


def plain(answer: Json, width: int) -> str:
    """The same as text without colours, ``width`` columns wide."""
    out = io.StringIO()
    draw(answer, Console(file=out, width=width, color_system=None, force_terminal=False))
    return out.getvalue()


def _lines(answer: Json, width: int, glyphs: Glyphs, *, verbose: bool) -> Iterator[Text]:
    styles = {
        service: SERVICE_STYLES[number % len(SERVICE_STYLES)]
        for number, service in enumerate(answer["summary"]["services"])
    }
    yield from _header(answer, styles, width, glyphs)
    yield Text()
    columns = Columns(answer, width, glyphs)
    yield columns.head()
    entries = answer["entries"] if verbose else without_only_attempts(answer["entries"])
    tree = Tree(entries, width, glyphs)
    for index, entry in enumerate(entries):
        first, rest = tree.rails(index)
        line = columns.of(entry) + first
        line.append(f"{getattr(glyphs, entry['kind'])} ", _mark_style(entry, styles))
        below = columns.blank() + rest
        room = max(width - below.cell_len, NARROWEST_TEXT)
        text = headline(entry, styles.get(entry["service"], ""), arrow=glyphs.arrow, room=None if verbose else room)
        wrapped = wrap(text, room, verbose=verbose, glyphs=glyphs)
        yield line + wrapped[0]
        for more in wrapped[1:]:
            yield below + more
        for more in _some(details(entry, verbose=verbose), verbose=verbose):
            for part in wrap(more, room, verbose=verbose, glyphs=glyphs):
                yield below + part
    yield from about(answer, width, glyphs)


def _header(answer: Json, styles: Mapping[str, str], width: int, glyphs: Glyphs) -> Iterator[Text]:
    summary = answer["summary"]
    separator = f" {glyphs.dot} "
    if verdict := summary["verdict"]:
        style = "bold red" if verdict["failed"] else "bold yellow"
        yield from wrap(Text(printable(verdict["text"]), style), width, verbose=True, glyphs=glyphs)
    title = Text(answer["transaction_id"], "bold")
    if answer["matched_alias"]:
        title.append("  ").append(printable(answer["matched_alias"]), "bold cyan")
    yield title

    result = Text(printable(summary["root"]) or "no request recorded", "bold")
    if summary["response_code"] is not None:
        result.append(f" {glyphs.arrow} ", "dim").append(code(summary["response_code"], summary["response_flags"]))
    if summary["response_flags_text"] and not verdict:
        result.append(f"  {printable(summary['response_flags_text'])}", "red")
    yield from wrap(result, width, verbose=True, glyphs=glyphs)

    began = datetime.fromtimestamp(int(summary["start_unix_nano"]) // 10**9, UTC)
    milliseconds = int(summary["start_unix_nano"]) // 10**6 % 1000
    when = f"{began:%Y-%m-%d %H:%M:%S}.{milliseconds:03} UTC{separator}took {spelt(summary['duration_ns'])}"
    errors = summary["errors"]
    facts = Text(when + separator)
    facts.append(f"{errors} {plural('error', errors)}" if errors else "no errors", "bold red" if errors else "green")
    yield from wrap(facts, width, verbose=True, glyphs=glyphs)

    services = Text()
    for service, style in styles.items():
        services.append("  " if services else "").append(printable(service), style)
    yield from wrap(services, width, verbose=True, glyphs=glyphs)

    counts = Text()
    for mark, number, name in (
        (glyphs.span, summary["spans"], "span"),
        (glyphs.access_log, summary["access_logs"], "access log"),
        (glyphs.log, summary["logs"], "log line"),
    ):
        counts.append(separator if counts else "", "dim").append(f"{mark} ", "dim")
        if name == "span" and not summary["sampled"]:
            counts.append("no spans (sampled out or not traced)", "yellow")
        else:
            counts.append(f"{number or 'no'} {plural(name, number)}")
    yield from wrap(counts, width, verbose=True, glyphs=glyphs)


def _mark_style(entry: Json, styles: Mapping[str, str]) -> str:
    return "bold red" if entry["error"] else styles.get(entry["service"], "")


def _some(lines: Iterator[Text], *, verbose: bool) -> list[Text]:
    everything = list(lines)
    if verbose or len(everything) <= DETAIL_LINES + 1:
        return everything
    more = len(everything) - DETAIL_LINES
    return [*everything[:DETAIL_LINES], Text(f"({more} more lines: --verbose)", "dim italic")]
