"""`weftline demo` as a user runs it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from weftline.deploy.demo.kinds import KINDS

pytestmark = pytest.mark.e2e


def test_shows_a_transaction_of_every_kind_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It exits with 0 only when every kind has exactly the rows it must have (verify.py)."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = subprocess.run(
        [Path(sys.executable).with_name("weftline"), "demo", "--once"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    urls = re.findall(r"http://127\.0\.0\.1:\d+/trace/([0-9a-f]{32})", done.stdout)
    assert len(set(urls)) == len(KINDS)
    for kind in KINDS:
        assert f"{kind.name}: {kind.story}" in done.stdout
    assert "order 4719 is not booked: the ledger answered 503" in done.stdout
    assert list(tmp_path.iterdir()) == []
