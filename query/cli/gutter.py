"""What stands left of an entry's text: its offset, its duration, a bar, and the lines to the one that caused it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.text import Text

from weftline.query.times import spelt

Json = Mapping[str, Any]

WIDE: Final = 100
"""Columns from which there is room for bars and for two columns a level."""
BAR: Final = 16


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
    attempt: str = "▹"


ASCII: Final = Glyphs("|", "|", "`", "-", ":", "->", "=", "'", "|", "*", ">", "-", "+")


class Columns:
    """What stands left of the tree: the offset in milliseconds, the duration, and on wide terminals a bar."""

    def __init__(self, answer: Json, width: int, glyphs: Glyphs) -> None:
        offsets = [corrected(entry) for entry in answer["entries"]]
        self._offset_width = max([len(_milliseconds(offset)) for offset in offsets] + [len("ms")])
        self._total = max(answer["summary"]["duration_ns"], 1)
        self._bar = BAR if width >= WIDE else 0
        self._glyphs = glyphs

    def head(self) -> Text:
        return Text(f"{'ms':>{self._offset_width}}  {'took':>7} ", "dim")

    def blank(self) -> Text:
        return Text(" " * (self._offset_width + 10 + (self._bar + 1 if self._bar else 0)), end="")

    def of(self, entry: Json) -> Text:
        took = spelt(entry["duration_ns"]) if entry["kind"] != "log" else ""
        line = Text(f"{_milliseconds(corrected(entry)):>{self._offset_width}}  ", end="")
        line.append(f"{took:>7} ", "bold red" if entry["error"] and took else "dim")
        if self._bar:
            line.append(self._draw(entry), "red" if entry["error"] else "dim").append(" ")
        return line

    def _draw(self, entry: Json) -> str:
        """Where in the transaction the entry lies; clocks that are wrong keep it inside."""
        share = min(max(corrected(entry) / self._total, 0), 1)
        start = min(int(share * self._bar), self._bar - 1)
        length = min(max(round(entry["duration_ns"] / self._total * self._bar), 1), self._bar - start)
        drawn = self._glyphs.point if entry["kind"] == "log" else self._glyphs.bar * length
        return (" " * start + drawn).ljust(self._bar)


class Tree:
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


def corrected(entry: Json) -> int:
    """When the entry began, in ns from the transaction's start, by clocks that agree."""
    offset: int = entry["offset_ns"] + entry["correction_ns"]
    return offset


def _milliseconds(nanoseconds: int) -> str:
    """``12.35``; never ``-0.00``."""
    return f"{round(nanoseconds / 1e6, 2) + 0.0:.2f}"
