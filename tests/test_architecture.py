"""The folder listing is the data flow, and imports point upstream: a stage knows what the data has passed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("agent", "collector", "query", "deploy")

# What a folder may import of ours, beside itself. Longest prefix wins.
ALLOWED = {
    "weftline.agent": (),
    "weftline.collector": ("weftline.agent.semconv", "weftline.agent.env"),
    "weftline.query": ("weftline.agent.semconv", "weftline.agent.env", "weftline.collector"),
    "weftline.deploy": ("weftline",),
}

# Inside the collector only the composition root sees everything.
COLLECTOR_RIM = ("errors", "metrics", "otlp_json", "settings", "lifecycle", "store.protocol", "varint")
COLLECTOR = {
    "access": ("access", *COLLECTOR_RIM),
    "edge": ("edge", "access", "bus.protocol", *COLLECTOR_RIM),
    "bus": ("bus", *COLLECTOR_RIM),
    "ingest": ("ingest", "access.identity", "lines", "bus.topics", "bus.kafka", *COLLECTOR_RIM),
    "lines": ("lines", "errors"),
    "tail": ("tail", "lines", *COLLECTOR_RIM),
    "scrape": ("scrape", "store.proxy_stats", *COLLECTOR_RIM),
    # Files go in by the formats of the edge, and their bad messages are found as ingest finds them.
    "transfer": (
        "transfer",
        "edge.jaeger_http",
        "edge.otel_tags",
        "edge.otlp_requests",
        "edge.zipkin_http",
        "ingest.halve",
        "store.exporter",
        "store.not_utf8",
        *COLLECTOR_RIM,
    ),
    "store": ("store", "access.identity", *COLLECTOR_RIM),
}

# Only where the far side is spoken to may its driver be imported.
DRIVERS = {
    "kafka": ("collector/bus", "collector/ingest", "deploy/local"),
    "clickhouse_driver": ("collector/store",),
    "numba": ("collector/store/native",),
    "numpy": ("collector/store/native",),
    "grpc": ("collector/edge", "agent/plugins/grpc", "agent/export/grpc", "query/grpc"),
    "fastapi": ("query", "deploy/demo"),
    "pydantic": ("query/routes", "query/problems.py"),
    "rich": ("query/cli", "deploy"),
}


def sources(part: str) -> Iterator[tuple[str, Path]]:
    """(module name, file) of every module of a part."""
    for path in sorted((ROOT / part).rglob("*.py")):
        name = ".".join(("weftline", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        yield name, path


def imports(name: str, path: Path) -> Iterator[str]:
    """Absolute names of all that a module imports, at the top or inside a function."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


@pytest.mark.parametrize("part", PARTS)
def test_imports_point_upstream(part: str) -> None:
    me = f"weftline.{part}"
    wrong = [
        f"{name} imports {it}"
        for name, path in sources(part)
        for it in imports(name, path)
        if within(it, "weftline") and not within(it, me) and not any(within(it, allowed) for allowed in ALLOWED[me])
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", COLLECTOR)
def test_the_collectors_steps_know_each_other_only_by_protocols(folder: str) -> None:
    wrong = [
        f"{name} imports {it}"
        for name, path in sources(f"collector/{folder}")
        for it in imports(name, path)
        if within(it, "weftline.collector")
        and not any(within(it, f"weftline.collector.{allowed}") for allowed in COLLECTOR[folder])
    ]
    assert wrong == []


@pytest.mark.parametrize("driver", DRIVERS)
def test_drivers_stay_at_the_rim(driver: str) -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for part in PARTS
        for name, path in sources(part)
        if any(within(it, driver) for it in imports(name, path))
        and not any(path.relative_to(ROOT).as_posix().startswith(rim) for rim in DRIVERS[driver])
    ]
    assert wrong == []


def test_no_bare_imports_of_the_folders() -> None:
    """`import collector` would work from the root and make a second copy of every class."""
    wrong = [
        f"{name} imports {it}"
        for part in (*PARTS, "tests", "bench")
        for name, path in sources(part)
        for it in imports(name, path)
        if it.split(".")[0] in PARTS
    ]
    assert wrong == []


def test_modules_stay_small() -> None:
    large = {
        str(path.relative_to(ROOT)): lines
        for part in PARTS
        for _, path in sources(part)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert large == {}, "each holds two things"


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = [
        path for part in PARTS for _, path in sources(part) if path.stem in {"utils", "helpers", "manager", "common"}
    ]
    assert named == []


def test_sql_lives_in_sql_files() -> None:
    """A statement in Python is one that nobody finds; the bookkeeping of the migrations is the exception."""
    verbs = ("SELECT ", "INSERT INTO ", "CREATE TABLE", "CREATE MATERIALIZED", "ALTER TABLE")
    excused = {"collector/store/migrate.py", "collector/store/clickhouse_writer.py"}
    found = {
        path.relative_to(ROOT).as_posix()
        for part in ("agent", "collector", "query")
        for _, path in sources(part)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(verbs)
    }
    assert found <= excused


def test_what_everyone_imports_of_the_agent_brings_nothing_along() -> None:
    """The collector and the query service import its vocabulary, not OpenTelemetry's SDK."""
    code = (
        "import sys, weftline.agent, weftline.agent.env, weftline.agent.semconv; "
        "print([m for m in sys.modules if m.split('.')[0] in ('opentelemetry', 'google', 'grpc', 'requests')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
