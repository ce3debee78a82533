"""What is read from the folders themselves, against `importlib.metadata`."""

import importlib.metadata
import sys
import zipfile
from pathlib import Path

import pytest

from weftline.agent import installed


def install(folder: Path, name: str, entry_points: str = "", suffix: str = "dist-info") -> None:
    info = folder / f"{name}.{suffix}"
    info.mkdir(parents=True)
    (info / ("METADATA" if suffix == "dist-info" else "PKG-INFO")).write_text(
        f"Metadata-Version: 2.1\nName: {name.partition('-')[0]}\nVersion: {name.partition('-')[2]}\n"
    )
    if entry_points:
        (info / "entry_points.txt").write_text(entry_points)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def declared(group: str) -> list[tuple[str, str]]:
    return sorted((entry.name, entry.value) for entry in installed.entry_points(group))


def test_versions_of_everything_installed_here() -> None:
    names = {distribution.name for distribution in importlib.metadata.distributions()}
    assert len(names) > 50
    wrong = {name for name in names if installed.version(name) != importlib.metadata.version(name)}
    assert wrong == set()


def test_entry_points_of_everything_installed_here() -> None:
    everything = importlib.metadata.entry_points(group=installed.INSTRUMENTORS)
    assert len(everything) > 3
    assert declared(installed.INSTRUMENTORS) == sorted({(entry.name, entry.value) for entry in everything})
    (flask,) = (entry for entry in installed.entry_points(installed.INSTRUMENTORS) if entry.name == "flask")
    assert flask.dist.name == "opentelemetry-instrumentation-flask"
    assert flask.load().__name__ == "FlaskInstrumentor"


@pytest.mark.parametrize("asked", ["odd.name", "Odd_Name", "odd-name"])
def test_names_are_normalized(site: Path, asked: str) -> None:
    install(site, "Odd_Name-1.2.dev3+local")
    assert installed.version(asked) == "1.2.dev3+local"


def test_what_is_not_installed_has_no_version() -> None:
    assert installed.version("no-such-distribution") is None


def test_folders_that_name_no_version_are_asked(site: Path) -> None:
    install(site, "older-3.1", suffix="egg-info")
    (site / "older-3.1.egg-info").rename(site / "older.egg-info")
    assert installed.version("older") == "3.1"


def test_the_first_on_the_path_counts(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site / "a", "lib-2", "[weftline.plugins]\nlib = new:POINTCUTS\n")
    install(site / "b", "lib-1", "[weftline.plugins]\nlib = old:POINTCUTS\nmore = old:MORE\n")
    monkeypatch.setattr(sys, "path", [str(site / "a"), str(site / "b"), str(site / "missing")])
    assert installed.version("lib") == "2"
    assert declared(installed.PLUGINS) == [("lib", "new:POINTCUTS")]


def test_a_path_that_changes_is_read_again(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site / "a", "lib-2")
    install(site / "b", "lib-1")
    monkeypatch.syspath_prepend(str(site / "b"))
    assert installed.version("lib") == "1"
    monkeypatch.syspath_prepend(str(site / "a"))
    assert installed.version("lib") == "2"


def test_the_format_of_the_file(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
        # a comment
        [console_scripts]
        tool = tool:main

        [weftline.plugins]
        one=first:POINTCUTS
        # two = commented:OUT
        three  =  third : POINTCUTS

        [opentelemetry_instrumentor]
        four = fourth:Instrumentor [extra]
    """
    install(site / "a", "lib-2", text)
    monkeypatch.setattr(sys, "path", [str(site / "a")])
    for group in (installed.PLUGINS, installed.INSTRUMENTORS):
        theirs = importlib.metadata.entry_points(group=group)
        assert declared(group) == sorted((entry.name, entry.value) for entry in theirs)


def test_archives_are_left_to_importlib(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(site / "packed.zip", "w") as archive:
        archive.writestr("packed-7.dist-info/METADATA", "Metadata-Version: 2.1\nName: packed\nVersion: 7\n")
        archive.writestr("packed-7.dist-info/entry_points.txt", "[weftline.plugins]\npacked = packed:POINTCUTS\n")
    monkeypatch.setattr(sys, "path", [str(site / "packed.zip")])
    assert installed.version("packed") == "7"
    assert declared(installed.PLUGINS) == [("packed", "packed:POINTCUTS")]


def test_finders_with_distributions_of_their_own_are_asked(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site / "hidden", "lib-2", "[weftline.plugins]\nlib = lib:POINTCUTS\n")

    class Hidden:
        @staticmethod
        def find_spec(*_: object) -> None:
            return None

        @staticmethod
        def find_distributions(context: importlib.metadata.DistributionFinder.Context) -> object:
            return importlib.metadata.MetadataPathFinder.find_distributions(
                importlib.metadata.DistributionFinder.Context(name=context.name, path=[str(site / "hidden")])
            )

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Hidden])
    assert installed.version("lib") == "2"
    assert ("lib", "lib:POINTCUTS") in declared(installed.PLUGINS)
