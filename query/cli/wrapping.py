"""Breaks texts into a terminal's lines."""

from typing import Final

from rich.console import Console
from rich.text import Text

from weftline.query.cli.gutter import Glyphs

DETAIL_LINES: Final = 3
"""Lines that a long text gets unless everything was asked for."""


def wrap(text: Text, width: int, *, verbose: bool, glyphs: Glyphs) -> list[Text]:
    """``text`` in lines of at most ``width`` columns; the last says that there would be more. ``no_wrap`` texts
    break anywhere and are never cut."""
    if text.cell_len <= width:
        return [text]
    if text.no_wrap:
        return list(text.divide(range(width, len(text), width)))
    lines = list(text.wrap(Console(width=width), width, overflow="fold"))
    if len(lines) <= DETAIL_LINES or verbose:
        return lines
    shown = lines[:DETAIL_LINES]
    shown[-1].truncate(max(width - len(glyphs.deeper), 1))
    return [*shown[:-1], shown[-1] + Text(glyphs.deeper)]


def plural(word: str, number: int) -> str:
    """``error``, ``errors``."""
    return word if number == 1 else word + "s"
