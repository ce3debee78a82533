"""The values of a search: numbers and levels out of text (durations and times: `weftline.query.times`).

All raise `ValueError` with the reason.
"""

import re
from typing import Final

from weftline.collector.store.searcher import Window

NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", re.IGNORECASE)
LEVELS: Final = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "warning": 13, "error": 17, "fatal": 21, "critical": 21}
"""First severity number of each of OpenTelemetry's ranges; each has four."""
LEVEL_WIDTH: Final = 4


def number(text: str) -> int | float:
    if not NUMBER.fullmatch(text):
        raise ValueError(f"`{text}` is no number.")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"`{text}` is too large.")
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else value


def level(text: str) -> tuple[int, int]:
    """First and last severity number of a level's name; of a number, itself twice."""
    if first := LEVELS.get(text.lower()):
        return first, first + LEVEL_WIDTH - 1
    if re.fullmatch(r"[0-9]{1,2}", text) and 0 <= int(text) <= 24:
        return int(text), int(text)
    raise ValueError(f"`{text}` is no level: trace, debug, info, warn, error, fatal, or a number from 0 to 24.")


def window(since: int, until: int) -> Window:
    """Raises `ValueError` where the end is before the beginning."""
    if since > until:
        raise ValueError("The time ends before it begins: `since` is later than `until`.")
    return Window(since, until)
