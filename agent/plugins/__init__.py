"""The libraries woven: one file each, holding its `POINTCUTS` and their advice. The folder is the list.

A plugin never imports its library at the top: it is loaded before the application is.
"""

import importlib
import pkgutil
from collections.abc import Iterable

from weftline.agent.pointcut import Pointcut


def names() -> list[str]:
    """The plugins there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def pointcuts(disabled: Iterable[str] = ()) -> list[Pointcut]:
    """All pointcuts of the plugins that aren't disabled; `*` disables every one."""
    off = set(disabled)
    found: list[Pointcut] = []
    for name in names():
        if name not in off and "*" not in off:
            found += importlib.import_module(f"{__name__}.{name}").POINTCUTS
    return found
