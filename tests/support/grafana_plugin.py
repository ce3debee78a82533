"""Grafana's Jaeger data source: what it asks of its URL, what it reads of the answers; and the plugin itself.

The plugin is in no package registry, so tests with it want a checkout of grafana/grafana-jaeger-datasource and Go:
WEFTLINE_TEST_GRAFANA=FOLDER. Building it takes two minutes, once.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from weftline.deploy.local.cache import cache_folder

MAIN: Final = Path(__file__).parent / "grafana" / "main.go"
BUILD_SECONDS: Final = 900
TAG: Final = {"key": str, "type": str, "value": object}
SPAN: Final = {
    "traceID": str, "spanID": str, "processID": str, "operationName": str, "startTime": int, "duration": int,
    "logs": [{"timestamp": int, "fields": [TAG], "name": str}],
    "references": [{"refType": str, "spanID": str, "traceID": str}],
    "tags": [TAG], "warnings": [str], "flags": int, "stackTraces": [str],
}  # fmt: skip
NAMES: Final = {"data": [str], "errors": object, "limit": int, "offset": int, "total": int}
TRACES: Final = {
    "data": [
        {"processes": {"*": {"serviceName": str, "tags": [TAG]}}, "traceID": str, "warnings": [str], "spans": [SPAN]}
    ],
    "errors": object, "limit": int, "offset": int, "total": int,
}  # fmt: skip
DEPENDENCIES: Final = {
    "data": [{"parent": str, "child": str, "callCount": int}],
    "errors": [{"code": int, "msg": str}],
}
"""Go's types that the answers are read into."""


def fits(value: Any, shape: Any) -> bool:
    """Whether Go's encoding/json reads ``value`` into ``shape``: null and missing fields are fine, 1.0 is no int."""
    if value is None or shape is object:
        return True
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            fits(it, shape.get(name, shape.get("*", object))) for name, it in value.items()
        )
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(it, shape[0]) for it in value)
    return type(value) is shape


def asked(query: Mapping[str, Any], begin: int, end: int) -> tuple[str, Any]:
    """Path and query string that a panel's query becomes, and the shape of its answer; times in µs."""
    match query.get("queryType", ""):
        case "search":
            tags = dict(pair.split("=", 1) for pair in query.get("tags", "").split())
            given = {
                "limit": query.get("limit", 0), "start": begin, "end": end, "service": query.get("service", ""),
                "operation": query.get("operation", ""), "tags": json.dumps(tags) if tags else "",
                "minDuration": query.get("minDuration", ""), "maxDuration": query.get("maxDuration", ""),
            }  # fmt: skip
            return "/api/traces?" + urlencode({name: it for name, it in given.items() if it}), TRACES
        case "dependencyGraph":
            return f"/api/dependencies?endTs={end // 1000}&lookback={(end - begin) // 1000}", DEPENDENCIES
        case "":
            return f"/api/traces/{query['query']}?end={end // 1000}&start={begin // 1000}", TRACES
        case other:
            raise AssertionError(f"the plugin asks nothing for {other}")


def answers(requests: Sequence[Mapping[str, Any]]) -> list[Any]:
    """What the plugin itself makes of them; skips unless it is asked for."""
    lines = "\n".join(json.dumps(it) for it in requests)
    ran = subprocess.run([_plugin()], input=lines, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return [json.loads(line) for line in ran.stdout.splitlines()]


def _plugin() -> Path:
    """The program, built once into a cache."""
    folder = os.environ.get("WEFTLINE_TEST_GRAFANA", "")
    if not folder:
        pytest.skip("Grafana's plugin is in no registry; WEFTLINE_TEST_GRAFANA names a checkout of it.")
    source = Path(folder)
    of = hashlib.sha256(MAIN.read_bytes() + (source / "go.sum").read_bytes()).hexdigest()[:12]
    program = cache_folder() / f"grafana-jaeger-datasource-{of}"
    if program.exists():
        return program
    if shutil.which("go") is None:
        pytest.skip("There is no `go` on the PATH.")
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="building-") as work:
        module = "github.com/grafana/grafana-jaeger-datasource"
        Path(work, "go.mod").write_text(
            f"module weftline.test/plugin\ngo 1.26\nrequire {module} v0.0.0\nreplace {module} => {source.resolve()}\n"
        )
        shutil.copy(source / "go.sum", work)
        shutil.copy(MAIN, work)
        done = subprocess.run(
            ["go", "build", "-mod=mod", "-o", "plugin", "."], cwd=work, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILD_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:]
        Path(work, "plugin").rename(program)
    return program
