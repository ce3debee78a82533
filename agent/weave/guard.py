"""Containment: what advice raises never reaches the observed program.

The rewritten code calls :func:`contained` with whatever a hook raised. It is counted, and logged once per place.
With `WEFTLINE_AGENT_STRICT=true` (tests) it is raised again.
"""

import logging
from typing import Final

from weftline.agent import counters

LOGGER: Final = logging.getLogger("weftline.agent")
_reported: set[str] = set()
_strict = False


def be_strict(strict: bool) -> None:
    """Whether contained exceptions are raised again."""
    global _strict  # noqa: PLW0603 - a process has one agent
    _strict = strict


def contained(exception: BaseException, where: str) -> None:
    """Takes note of an exception out of advice at `where`. Raises what isn't ours to keep: KeyboardInterrupt & co."""
    if _strict or not isinstance(exception, Exception):
        raise exception
    counters.count("contained", where)
    if where not in _reported:
        _reported.add(where)
        LOGGER.warning(
            "Advice failed and was contained; the program is not affected. where=%s", where, exc_info=exception
        )
