"""What is installed, from the names of `sys.path`'s `.dist-info` folders: versions, and who declares entry points.

`importlib.metadata` knows the same; importing it and having it read every package would be a quarter of what the
agent adds to a program's start. It is asked where it may know more: archives and eggs on the path, import hooks that
know distributions of their own, and names that no folder has.
"""

import functools
import os
import re
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from typing import Any, Final, NamedTuple

PLUGINS: Final = "weftline.plugins"
INSTRUMENTORS: Final = "opentelemetry_instrumentor"
"""The entry-point groups that are looked for."""
_DECLARES: Final = tuple(f"[{group}]".encode() for group in (PLUGINS, INSTRUMENTORS))
_SUFFIXES: Final = (".dist-info", ".egg-info")


class _Folders(NamedTuple):
    """The metadata folders of one `sys.path`, by normalized name; of those with one name the first counts.
    `complete` says that nothing there needs to be asked in another way."""

    by_name: dict[str, str]
    complete: bool


def version(name: str) -> str | None:
    """A distribution's version; None for one that isn't installed, such as a vendored copy."""
    folder = _folders(tuple(sys.path)).by_name.get(_normalized(name))
    if folder is not None and folder.endswith(".dist-info"):
        said = os.path.basename(folder).removesuffix(".dist-info").partition("-")[2]  # noqa: PTH119 - as in _folders
        if said:
            return said
    import importlib.metadata

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def entry_points(group: str) -> Sequence["EntryPoint"]:
    """The entry points of one of the groups above; the first of each name counts."""
    first: dict[str, EntryPoint] = {}
    for entry in _declared(tuple(sys.path)):
        if entry.group == group:
            first.setdefault(entry.name, entry)
    return list(first.values())


class EntryPoint(NamedTuple):
    """`importlib.metadata.EntryPoint`, which is made of it when more than its name is wanted."""

    name: str
    group: str
    value: str
    folder: str

    def load(self) -> Any:
        """The object it names, imported."""
        import importlib.metadata

        return importlib.metadata.EntryPoint(self.name, self.value, self.group).load()

    @property
    def dist(self) -> Any:
        """The `importlib.metadata.Distribution` that declares it."""
        import importlib.metadata

        return importlib.metadata.Distribution.at(self.folder)


@functools.lru_cache(maxsize=1)
def _declared(path: tuple[str, ...]) -> Sequence[Any]:
    folders = _folders(path)
    others = any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path)
    if others or not folders.complete:
        import importlib.metadata

        return [entry for group in (PLUGINS, INSTRUMENTORS) for entry in importlib.metadata.entry_points(group=group)]
    return [entry for folder in folders.by_name.values() for entry in _read(folder)]


def _read(folder: str) -> list[EntryPoint]:
    """What a distribution declares in one of the groups (the format is that of the entry points specification)."""
    try:
        with open(os.path.join(folder, "entry_points.txt"), "rb") as file:  # noqa: PTH118, PTH123 - as in _folders
            text = file.read()
    except OSError:
        return []
    found: list[EntryPoint] = []
    if any(group in text for group in _DECLARES):
        group = ""
        for line in map(str.strip, text.decode().splitlines()):
            if line.startswith("[") and line.endswith("]"):
                group = line[1:-1]
            elif group in (PLUGINS, INSTRUMENTORS) and line and not line.startswith("#"):
                name, _, value = line.partition("=")
                found.append(EntryPoint(name.strip(), group, value.strip(), folder))
    return found


@functools.lru_cache(maxsize=1)
def _folders(path: tuple[str, ...]) -> _Folders:
    """One listing of each folder. Without pathlib: hundreds of paths are looked at."""
    by_name: dict[str, str] = {}
    complete = True
    for root in path:
        try:
            names = os.listdir(root or ".")  # noqa: PTH208 - see above
        except FileNotFoundError:
            continue  # such as the archive of the standard library, which most installations don't have
        except OSError:
            complete = False  # an archive
            continue
        for name in names:
            stem, suffix = os.path.splitext(name)  # noqa: PTH122 - see above
            if suffix in _SUFFIXES:
                by_name.setdefault(_normalized(stem.partition("-")[0]), os.path.join(root, name))  # noqa: PTH118 - see above
            elif suffix == ".egg" or name == "EGG-INFO":
                complete = False
    return _Folders(by_name, complete)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
