"""What stands below a timeline: where the time went, what left no record, whose clock is wrong, and what is not
shown."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.text import Text

from weftline.query.cli.entry_text import printable
from weftline.query.cli.gutter import Glyphs
from weftline.query.cli.wrapping import wrap
from weftline.query.times import spelt

Json = Mapping[str, Any]

PLACES: Final = {
    "service": "in {}",
    "proxy": "in {}'s proxy",
    "queue": "in {}'s proxy, waiting for a connection",
    "network": "on the network behind {}",
    "waiting": "in what {} called: no record",
}
SHARES: Final = 5
"""Places named; the rest is summed up."""
BAR: Final = 12


def about(answer: Json, width: int, glyphs: Glyphs) -> Iterator[Text]:
    """The lines; none for an answer about which there is nothing to say."""
    for lines in (_time_split(answer, glyphs), _gaps(answer), _clocks(answer), _cut(answer)):
        everything = list(lines)
        if everything:
            yield Text()
        for line in everything:
            yield from wrap(line, width, verbose=True, glyphs=glyphs)


def _time_split(answer: Json, glyphs: Glyphs) -> Iterator[Text]:
    shares = answer["time_split"]
    whole = sum(share["duration_ns"] for share in shares)
    if len(shares) < 2:
        return
    yield Text(f"Of {spelt(whole)} the answer waited", "bold")
    # One more takes no more room than saying that there is one more.
    shown = len(shares) if len(shares) <= SHARES + 1 else SHARES
    for share in shares[:shown]:
        part = share["duration_ns"] / whole
        where = PLACES[share["place"]].format(printable(share["service"]) or "?")
        line = Text(f"{spelt(share['duration_ns']):>9} {part:>4.0%} ")
        line.append((glyphs.bar * max(round(part * BAR), 1)).ljust(BAR), "cyan").append(f" {where}")
        yield line.append(" (inferred)", "dim italic") if share["inferred"] else line
    if rest := shares[shown:]:
        left = sum(share["duration_ns"] for share in rest)
        yield Text(f"{spelt(left):>9} {left / whole:>4.0%} {'':{BAR}} in {len(rest)} other places", "dim")


def _gaps(answer: Json) -> Iterator[Text]:
    if answer["gaps"]:
        yield Text("Not recorded", "bold yellow")
        for gap in answer["gaps"]:
            yield Text(f"  {printable(gap['text'])}", "yellow")


def _clocks(answer: Json) -> Iterator[Text]:
    for clock in answer["clocks"]:
        if not clock["correction_ns"]:
            continue
        whose = ", ".join(printable(service) for service in clock["services"])
        way = "behind" if clock["correction_ns"] > 0 else "ahead"
        text = f"The clock of {whose} is {spelt(abs(clock['correction_ns']))} {way}"
        if clock["earliest_ns"] is not None and clock["latest_ns"] is not None:
            text += f" (give or take {spelt((clock['latest_ns'] - clock['earliest_ns']) // 2)})"
        yield Text(f"{text}; times here are corrected. Inferred.", "yellow")


def _cut(answer: Json) -> Iterator[Text]:
    if answer["truncated"]:
        yield Text(f"There is more: only the first {len(answer['entries'])} rows are shown.", "bold yellow")
    if answer["other_transactions"]:
        yield Text(f"{printable(answer['matched_alias'] or 'This id')} also names, newest first:", "yellow")
        yield from (Text(f"  {other}") for other in answer["other_transactions"])
