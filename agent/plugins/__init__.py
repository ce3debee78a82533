"""The libraries woven: one file each, holding its `POINTCUTS` and their advice. The folder is the list.

A plugin never imports its library at the top: it is loaded before the application is. Other packages' plugins are
found by the entry-point group `weftline.plugins`, whose objects are modules with `POINTCUTS` or such lists.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from logging import getLogger  # `logging` in here is the plugin
from typing import Any, Final

from weftline.agent import counters
from weftline.agent.pointcut import Pointcut

GROUP: Final = "weftline.plugins"
LOGGER: Final = getLogger("weftline.agent")


def names() -> list[str]:
    """The plugins there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def pointcuts(disabled: Iterable[str] = ()) -> list[Pointcut]:
    """All pointcuts of the plugins that aren't disabled, `-` and `_` in names being one; `*` disables every one."""
    off = {name.replace("-", "_") for name in disabled}
    if "*" in off:
        return []
    found: list[Pointcut] = []
    for name in names():
        if name not in off:
            found += _load(name, functools.partial(importlib.import_module, f"{__name__}.{name}"))
    for entry in entry_points(GROUP):
        if entry.name.replace("-", "_") not in off:
            found += _load(entry.name, entry.load)
    return found


@functools.lru_cache(maxsize=1)
def _installed() -> Any:
    """All entry points there are: looking for them reads a file of every package installed."""
    import importlib.metadata  # slow to import

    return importlib.metadata.entry_points()


def entry_points(group: str) -> Sequence[Any]:
    """Installed packages' `importlib.metadata.EntryPoint`s of a group; the first of each name counts."""
    first: dict[str, Any] = {}
    for entry in _installed().select(group=group):
        first.setdefault(entry.name, entry)
    return list(first.values())


def _load(name: str, load: Callable[[], Any]) -> list[Pointcut]:
    try:
        return _checked(load())
    except Exception:  # a plugin's defect must not fail the program
        counters.count("refused", f"{name}: plugin failed to load")
        LOGGER.warning("A plugin could not be loaded; its library is left alone. plugin=%s", name, exc_info=True)
        return []


def _checked(loaded: Any) -> list[Pointcut]:
    found = list(getattr(loaded, "POINTCUTS", loaded))
    for item in found:
        if not isinstance(item, Pointcut):
            raise TypeError(f"{item!r} is no Pointcut")
    return found
