"""Beside opentelemetry-contrib's instrumentors spans are theirs, never doubled; the transaction ID goes along."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.socket
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("how", ["global", "app"])
def test_spans_are_not_doubled(how: str) -> None:
    done = subprocess.run(
        [sys.executable, TESTS / "support" / "contrib_app.py", how],
        env={**os.environ, "PYTHONPATH": str(TESTS)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["ours"] == []
    assert seen["contrib"].count("SERVER") == 2
    assert seen["contrib"].count("CLIENT") == 3
    assert sorted({transaction for _, transaction in seen["sent"]}) == seen["contrib_traces"]
    assert all(traceparent[3:35] == transaction for traceparent, transaction in seen["sent"])
