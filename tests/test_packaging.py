"""What pip installs is what is in the tree: three traps of the folder-to-name map, each closed."""

import ast
import importlib
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PARTS = PROJECT["tool"]["setuptools"]["package-dir"]
DOCUMENTS = {".md", ".png", ".svg"}
"""What is read in the tree only."""
UI = ROOT / "query" / "ui"
"""TypeScript; what is built of it is packed, not the source."""
DATA = {pattern.removeprefix("*") for pattern in PROJECT["tool"]["setuptools"]["package-data"]["*"]}


def folders() -> set[str]:
    """Every folder of ours that holds code or data, by its import name."""
    found = set()
    for name, folder in PARTS.items():
        for path in (ROOT / folder).rglob("*"):
            if _is_packed(path):
                found.add(".".join((name, *path.parent.relative_to(ROOT / folder).parts)))
    return found


def _is_packed(path: Path) -> bool:
    return (
        path.is_file() and "__pycache__" not in path.parts and path.suffix not in DOCUMENTS and UI not in path.parents
    )


def test_every_folder_is_listed() -> None:
    """A forgotten one works in editable mode and is silently absent from the wheel."""
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(folders())


def test_every_file_is_in_the_wheel(tmp_path: Path) -> None:
    """Built from what git tracks or would track, without isolation: no index is asked."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, "."],
        cwd=_copy(tmp_path / "source"),
        check=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    ours = {
        f"{name.replace('.', '/')}/{path.relative_to(ROOT / folder).as_posix()}"
        for name, folder in PARTS.items()
        for path in (ROOT / folder).rglob("*")
        if _is_packed(path)
    }
    built = {path.relative_to(UI / "dist").as_posix() for path in (UI / "dist").rglob("*") if path.is_file()}
    assert ours | {f"weftline/query/ui/dist/{name}" for name in built} <= packed
    assert {name.split("/")[0] for name in packed if ".dist-info" not in name} == {"weftline"}


def _copy(target: Path) -> Path:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())
    if (UI / "dist").is_dir():
        shutil.copytree(UI / "dist", target / "query" / "ui" / "dist")
    return target


def test_every_data_file_has_a_listed_ending() -> None:
    odd = {
        path.name
        for folder in PARTS.values()
        for path in (ROOT / folder).rglob("*")
        if _is_packed(path) and path.suffix not in {".py", ".pyc", *DOCUMENTS, *DATA} and path.name not in DATA
    }
    assert odd == set()


@pytest.mark.parametrize("entry", entry_points(group="weftline.commands"), ids=lambda entry: entry.name)
def test_every_command_can_be_loaded(entry) -> None:
    assert entry.load().name == entry.name


def test_the_installed_commands_are_those_of_the_project() -> None:
    declared = PROJECT["project"]["entry-points"]["weftline.commands"]
    assert {entry.name: entry.value for entry in entry_points(group="weftline.commands")} == declared


@pytest.mark.parametrize("target", PROJECT["project"]["scripts"].values())
def test_every_script_exists(target: str) -> None:
    module, _, function = target.partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_every_third_party_import_is_declared() -> None:
    """By part: what the agent imports must be in its dependencies, not in somebody's extra."""
    extras = PROJECT["project"]["optional-dependencies"]
    names = {
        "agent": [*PROJECT["project"]["dependencies"]],
        "collector": [*PROJECT["project"]["dependencies"], *extras["collector"]],
        "query": [*PROJECT["project"]["dependencies"], *extras["collector"], *extras["query"]],
        "deploy": [
            *PROJECT["project"]["dependencies"],
            *extras["collector"],
            *extras["query"],
            *extras["local"],
            *extras["demo"],
        ],
    }
    modules = {  # import name -> distribution, where they differ
        "kafka": "kafka-python", "clickhouse_driver": "clickhouse-driver", "opentelemetry": "opentelemetry-sdk",
        "google": "googleapis-common-protos", "grpc": "grpcio", "prometheus_client": "prometheus-client",
        "pydantic": "fastapi", "starlette": "fastapi", "yaml": "pyyaml",
        "grpc_health": "grpcio-health-checking", "grpc_reflection": "grpcio-reflection",
        "llvmlite": "numba",  # pins it
        "backports": "backports-zstd", "compression": "backports-zstd",  # the standard library's from Python 3.14 on
    }  # fmt: skip
    # plugins import the library they instrument, when the program has done so; the exporter says what is missing
    optional = ("agent/plugins/", "agent/export/grpc.py")
    for part, dependencies in names.items():
        for path in (ROOT / part).rglob("*.py"):
            native = extras["native"] if "collector/store/native/" in path.as_posix() else []
            declared = {spec.split(">")[0].split("=")[0].split("[")[0] for spec in (*dependencies, *native)}
            if path.relative_to(ROOT).as_posix().startswith(optional):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                found = []
                if isinstance(node, ast.Import):
                    found = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    found = [node.module]
                for name in found:
                    top = name.split(".")[0]
                    if top in sys.stdlib_module_names or top == "weftline":
                        continue
                    assert modules.get(top, top) in declared, f"{path}: {top} is not among {part}'s dependencies"
