"""What the documents say is so: settings, metrics, commands, routes, links, code."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from support.rows import RowsReader, RowsSearcher
from support.tables import TABLES, section
from weftline.query.alerts.rules import parse
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(path for path in ROOT.glob("**/*.md") if not {".venv", "build", "node_modules"} & set(path.parts))
README = (ROOT / "README.md").read_text(encoding="utf-8")
PARTS = ("agent", "collector", "query", "deploy", "bench", "tests")


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (str(path.relative_to(ROOT)), code)
        for path in DOCUMENTS
        for code in re.findall(
            rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
    ]


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_as_rendered(name: str) -> None:
    assert section(name, README) == TABLES[name](), "run: python tests/support/tables.py"


def test_every_command_is_named_and_every_command_named_exists() -> None:
    there = {entry.name for entry in entry_points(group="weftline.commands")}
    named = {
        match for path in DOCUMENTS for match in re.findall(r"`?weftline ([a-z]+)\b", path.read_text(encoding="utf-8"))
    }
    assert there <= set(re.findall(r"weftline ([a-z]+)\b", README)) | {"demo"}
    in_code = {
        match
        for path in DOCUMENTS
        for code in re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8"))
        for match in re.findall(r"^weftline ([a-z]+)\b", code)
    }
    assert in_code <= there
    assert named


def test_every_route_is_named_and_every_route_named_exists() -> None:
    app = create_app(RowsReader([]), RowsSearcher(), QuerySettings())
    described = {f"{method.upper()} {path}" for path, it in app.openapi()["paths"].items() for method in it}
    there = described | {"GET /openapi.json"}
    named = set(re.findall(r"^\| `((?:GET|POST) /[^`]+)`", README, re.MULTILINE))
    assert named == there


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        it
        for path in DOCUMENTS
        for it in re.findall(r"\bmake ([a-z]+)\b(?=[`\s;.,)])", path.read_text(encoding="utf-8"))
    }
    assert {"demo", "test", "check", "bench"} <= targets
    assert {it for it in named if f"`make {it}`" in README or f"make {it} " in README} <= targets


def test_links_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in DOCUMENTS
        for link in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
        if not link.startswith("http") and not (path.parent / link).exists()
    ]
    assert broken == []


@pytest.mark.parametrize(("where", "code"), blocks("python"))
def test_python_in_documents_runs(where: str, code: str, tmp_path: Path) -> None:
    ast.parse(code)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "WEFTLINE_AGENT_EXIT_TIMEOUT": "0.1"},
    )  # fmt: skip
    assert done.returncode == 0, f"{where}: {done.stderr}"


@pytest.mark.parametrize("part", PARTS)
def test_every_part_explains_itself(part: str) -> None:
    text = (ROOT / part / "README.md").read_text(encoding="utf-8")
    assert "## Why so" in text
    assert len(text.splitlines()) <= 90, "at most a page"
    folders = {path.name for path in (ROOT / part).iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert {it for it in folders if f"{it}/" not in text and f"bench {it}" not in text} == set()


def test_the_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text
    headings = set(re.findall(r"^### (.*)$", text, re.MULTILINE))
    assert headings <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_versions_agree() -> None:
    """Where a version stands twice, it is the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    from weftline.deploy.local.clickhouse import CHDB_CORE
    from weftline.deploy.local.kafka import VERSION

    assert f"chdb-core=={CHDB_CORE}" in project["optional-dependencies"]["local"]
    assert f"<version>{VERSION}</version>" in (ROOT / "deploy/local/kafka_pom.xml").read_text(encoding="utf-8")


def test_alert_rules_in_documents_are_right() -> None:
    for where, code in blocks("yaml"):
        if code.startswith("receivers:"):
            assert parse(code, {"CHAT_TOKEN": "t"}).rules, where


@pytest.mark.clickhouse
def test_sql_in_documents_runs(store) -> None:
    from weftline.collector.store.clickhouse_connections import connect

    with connect(store) as client:
        for _, code in blocks("sql"):
            client.execute(code.replace("FORMAT PrettyCompact", ""))
