"""The libraries woven: one file each, holding its `POINTCUTS` and their advice. The folder is the list.

A plugin never imports its library at the top: it is loaded before the application is. Other packages' plugins are
found by the entry-point group `weftline.plugins`, whose objects are modules with `POINTCUTS` or such lists.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from logging import getLogger  # `logging` in here is the plugin
from typing import Any, Final

from weftline.agent import counters, installed
from weftline.agent.pointcut import Pointcut

LOGGER: Final = getLogger("weftline.agent")
_FOR: Final[dict[str, tuple[str, ...]]] = {
    "aiohttp_client": ("aiohttp",),
    "aiohttp_server": ("aiohttp",),
    "asgi": ("uvicorn", "opentelemetry.instrumentation"),
    "celery": ("celery", "kombu"),
    "concurrent_futures": ("concurrent.futures",),
    "grpc_aio": ("grpc",),
    "gunicorn_asgi": ("gunicorn",),
    "http_client": ("http.client",),
    "opentelemetry": ("opentelemetry.propagate",),
    "redis": ("redis", "kombu"),
    "sqlite3": ("_sqlite3",),
    "werkzeug": ("werkzeug", "http.server"),
    "wsgi": ("gunicorn", "wsgiref", "opentelemetry.instrumentation"),
}
"""The packages or modules a plugin is for, where they aren't just its own name. It is loaded with the first of them:
nothing outside of them can be woven by it."""

Load = Callable[[], list[Pointcut]]


def names() -> list[str]:
    """The plugins there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def libraries(name: str) -> tuple[str, ...]:
    """The packages or modules a plugin is for."""
    return _FOR.get(name, (name,))


def waiting(disabled: Iterable[str] = ()) -> dict[str, list[Load]]:
    """What loads the plugins that aren't disabled, by the packages they wait for; `-` and `_` in names are one, `*`
    disables every one."""
    off = _names(disabled)
    found: dict[str, list[Load]] = {}
    for name in () if "*" in off else names():
        if name not in off:
            for library in libraries(name):
                found.setdefault(library, []).append(functools.partial(_load_own, name))
    return found


def foreign(disabled: Iterable[str] = ()) -> list[Pointcut]:
    """The pointcuts of other packages' plugins, disabled by their entry points' names."""
    off = _names(disabled)
    found: list[Pointcut] = []
    for entry in () if "*" in off else installed.entry_points(installed.PLUGINS):
        if entry.name.replace("-", "_") not in off:
            found += _load(entry.name, entry.load)
    return found


def pointcuts(disabled: Iterable[str] = ()) -> list[Pointcut]:
    """All pointcuts there are, every plugin loaded."""
    off = _names(disabled)
    own = [name for name in names() if name not in off and "*" not in off]
    return [pointcut for name in own for pointcut in _load_own(name)] + foreign(disabled)


def _names(disabled: Iterable[str]) -> set[str]:
    return {name.replace("-", "_") for name in disabled}


def _load_own(name: str) -> list[Pointcut]:
    return _load(name, functools.partial(importlib.import_module, f"{__name__}.{name}"))


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
