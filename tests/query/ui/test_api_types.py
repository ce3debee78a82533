"""The UI's types of the API are those of the service: generated from its description, and not stale."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from weftline.query.__main__ import describe

UI = Path(__file__).parents[3] / "query" / "ui"
GENERATOR = UI / "node_modules" / ".bin" / "openapi-typescript"


@pytest.mark.skipif(
    not GENERATOR.exists() and "CI" not in os.environ, reason="the UI's packages are not installed: make ui"
)
def test_the_types_are_those_of_the_api(tmp_path: Path) -> None:
    description = tmp_path / "openapi.json"
    description.write_text(json.dumps(describe()), encoding="utf-8")
    generated = tmp_path / "schema.d.ts"
    subprocess.run(
        [GENERATOR, description, "--output", generated, "--alphabetize"],
        cwd=UI,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert generated.read_text(encoding="utf-8") == (UI / "src" / "api" / "schema.d.ts").read_text(encoding="utf-8"), (
        "run: weftline query --openapi > query/ui/openapi.json && query/ui/build api"
    )
