"""The long tail: OpenTelemetry instrumentors of other packages (entry-point group `opentelemetry_instrumentor`).

One is loaded when the library it is for is imported, not before, and only if no cut of ours is for that library, it
isn't disabled, and the versions it asks for are installed. Its spans go to the program's tracer provider.
"""

import logging
import re
import sys
import types
from collections.abc import Iterable
from typing import Any, Final

from weftline.agent import counters, installed, plugins
from weftline.agent.weave.loader import Finder

LOGGER: Final = logging.getLogger("weftline.agent")
_NATIVE: Final = frozenset(("asgi", "dbapi", "httpx2", "sqlite3", "urllib", "wsgi"))
"""Instrumentors of which ours do the work, under other modules' names, or that instrument nothing by themselves; httpx2
comes with httpx's, and names httpx's modules."""


class Instrumentors(Finder):
    """An import hook like the one that weaves, which instruments instead. `covered` are the modules that pointcuts of
    ours are for."""

    def __init__(self, covered: Iterable[str], disabled: Iterable[str]) -> None:
        super().__init__()
        self._active: list[tuple[str, Any]] = []
        self._entries: dict[str, list[Any]] = {}
        off = {name.replace("-", "_") for name in disabled}
        if "*" in off:
            return
        ours = {module.partition(".")[0] for module in covered}
        taken = {*plugins.names(), *_NATIVE, *off}
        for entry in installed.entry_points(installed.INSTRUMENTORS):
            if entry.name.replace("-", "_") in taken:
                continue
            modules = _modules(entry)
            if not modules & ours:
                for module in modules:
                    self._entries.setdefault(module, []).append(entry)
        for module in self._entries:
            self._pointcuts_of(module)

    def weave(self, module: types.ModuleType) -> None:
        """A library has been imported: its instrumentors are loaded. Whatever goes wrong is counted, never raised."""
        for entry in self._entries.pop(module.__name__, ()):
            try:
                conflict = _conflict(entry)
                if conflict is not None:
                    counters.count("refused", f"{entry.name}: {conflict}")
                    LOGGER.info("An instrumentor was left out. instrumentor=%s reason=%r", entry.name, str(conflict))
                    continue
                instrumentor = entry.load()()
                if getattr(instrumentor, "is_instrumented_by_opentelemetry", False):
                    continue  # the program has done it itself
                instrumentor.instrument(skip_dep_check=True)
                self._active.append((entry.name, instrumentor))
                counters.count("instrumented", entry.name)
            except Exception:  # somebody else's defect must not fail the program's import
                counters.count("refused", f"{entry.name}: instrumentor failed")
                LOGGER.warning("An instrumentor failed; its library is left alone. name=%s", entry.name, exc_info=True)

    def remove(self) -> None:
        """Stops looking at imports and takes out again what was instrumented."""
        super().remove()
        while self._active:
            name, instrumentor = self._active.pop()
            try:
                instrumentor.uninstrument()
            except Exception:  # as above
                LOGGER.warning("An instrumentor could not be taken out again. name=%s", name, exc_info=True)


def _modules(entry: Any) -> set[str]:
    """The top-level modules of the libraries an instrumentor names as its own (its extra `instruments`)."""
    import importlib.metadata

    requires = (entry.dist.requires or ()) if entry.dist is not None else ()
    found: set[str] = set()
    wanted = [text for text in requires if re.search(r"extra\s*==\s*['\"]instruments", text)]
    for text in wanted:
        name = re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0]
        try:
            found |= _top_level(importlib.metadata.distribution(name))
        except importlib.metadata.PackageNotFoundError:
            continue
    if not wanted and entry.name in sys.stdlib_module_names:
        found.add(entry.name)
    return found


def _top_level(library: Any) -> set[str]:
    declared = library.read_text("top_level.txt")
    if declared is not None:
        return {line.strip() for line in declared.splitlines() if line.strip()}
    tops = {file.parts[0] for file in library.files or () if file.suffix == ".py" or len(file.parts) > 1}
    return {top.removesuffix(".py") for top in tops if top.removesuffix(".py").isidentifier()}


def _conflict(entry: Any) -> object:
    if entry.dist is None:
        return None
    from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts

    return get_dist_dependency_conflicts(entry.dist)
