"""The import hook: weaves a module's pointcuts once the module has been executed.

Looks only at the names in its table (one dict look-up for any other import), and at once at what is imported
already. Loaders are put back before the module's code runs, so `__loader__` and `__spec__.loader` are what
they'd be without us.
"""

import importlib.machinery
import logging
import sys
import threading
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from weftline.agent import counters
from weftline.agent.pointcut import Pointcut
from weftline.agent.weave import swap, versions

LOGGER: Final = logging.getLogger("weftline.agent")


class Finder:
    """First on `sys.meta_path`; finds nothing itself, only has others' specs load through :class:`_Loader`.

    `waiting` gives the pointcuts that are not needed, so not made, before a package is imported: those of modules in
    it (or of itself), by its name.
    """

    def __init__(
        self,
        pointcuts: Iterable[Pointcut] = (),
        waiting: Mapping[str, Sequence[Callable[[], Iterable[Pointcut]]]] = types.MappingProxyType({}),
    ) -> None:
        self.table: dict[str, list[Pointcut]] = {}
        self._waiting = dict(waiting)
        self._wanted = set(self._waiting)
        self._searching = threading.local()
        for pointcut in pointcuts:
            self._pointcuts_of(pointcut.module).append(pointcut)

    def install(self) -> None:
        """Weaves what is imported already, and hooks what will be."""
        sys.meta_path.insert(0, self)
        for name in [name for name in self._waiting if name in sys.modules]:
            self._make(name)
        for name in list(self.table):
            module = sys.modules.get(name)
            if module is not None:
                self.weave(module)

    def remove(self) -> None:
        """Stops looking at imports. What is woven stays woven (:func:`swap.unweave_all` undoes that)."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec the other finders give, with our loader in it. None for every module without a pointcut."""
        if fullname not in self._wanted:  # asked for every import, also those that libraries try in each request
            return None
        if fullname in self._waiting:
            self._make(fullname)
        if fullname not in self.table or fullname in self._names():
            return None
        self._names().add(fullname)  # other hooks of this kind ask sys.meta_path again, and so us
        try:
            for finder in sys.meta_path:
                if finder is self or not hasattr(finder, "find_spec"):
                    continue
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                        spec.loader = _Loader(spec.loader, self)  # type: ignore[assignment] # importlib.abc is slow to import
                    return spec
            return None
        finally:
            self._names().discard(fullname)

    def weave(self, module: types.ModuleType) -> None:
        """Weaves a module's pointcuts. Whatever goes wrong is counted and logged, never raised."""
        for pointcut in self.table.get(module.__name__, ()):
            try:
                versions.require(pointcut.versions)
                swap.weave(swap.find(module, pointcut.target), pointcut, pointcut.load_advice())
            except swap.Refused as reason:
                counters.count("refused", f"{pointcut.where}: {reason}")
                LOGGER.info("Left a function alone. function=%s reason=%s", pointcut.where, reason)
            except Exception:  # a plugin's defect must not fail the program's import
                counters.count("refused", f"{pointcut.where}: failed")
                LOGGER.warning("Weaving failed; the function is untouched. function=%s", pointcut.where, exc_info=True)

    def _make(self, package: str) -> None:
        """Makes the pointcuts that wait for a package. Without a lock of our own, which could meet the import system's
        in another thread: two threads may both do it, and the second waits for the first one's import of the plugin."""
        for make in reversed(self._waiting.get(package, ())):
            for pointcut in reversed(list(make())):  # before those that were there at once: others' may build on them
                there = self._pointcuts_of(pointcut.module)
                if pointcut not in there:
                    there.insert(0, pointcut)
        self._waiting.pop(package, None)

    def _pointcuts_of(self, module: str) -> list[Pointcut]:
        self._wanted.add(module)
        return self.table.setdefault(module, [])

    def _names(self) -> set[str]:
        if not hasattr(self._searching, "names"):
            self._searching.names = set()
        names: set[str] = self._searching.names
        return names


class _Loader:
    """Stands in for a module's own loader until the module is about to be executed."""

    def __init__(self, loader: Any, finder: Finder) -> None:
        self._loader = loader
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        created: types.ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: types.ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._finder.weave(module)
