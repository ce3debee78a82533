"""`weftline-agent show`: each pointcut's fate, with its reason, and nothing left woven."""

import io
import subprocess
import zlib
from pathlib import Path

import pytest

from support.launched import RUN
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.show import examine, report
from weftline.agent.weave import opcodes


def enter() -> None:
    """Advice that does nothing."""


def fates(*pointcuts: Pointcut) -> list[str]:
    return [finding.how or finding.reason for finding in examine(pointcuts)]


def cut(module: str, target: str, **more: str) -> Pointcut:
    return Pointcut(module, target, Advice(enter), kind="observe", **more)  # type: ignore[arg-type]


def test_each_fate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brokenlib.py").write_text("print('noise')\nraise ValueError('bad\\nvery')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    original = zlib.crc32
    assert fates(
        cut("json.decoder", "JSONDecoder.decode"),
        cut("zlib", "crc32"),
        cut("no_such_library.part", "f"),
        cut("json.no_such_part", "f"),
        cut("json", "gone"),
        cut("pytest", "fail", versions="pytest<1"),
        cut("_sqlite3", "Cursor.execute"),
        cut("brokenlib", "f"),
    ) == [
        "bytecode rewritten",
        "in C: replaced",
        "not installed",
        "ModuleNotFoundError: No module named 'json.no_such_part'",
        "not there",
        f"version {pytest.__version__} is outside pytest<1",
        "Cursor is a type in C that can't be changed",
        "ValueError: bad",
    ]
    assert zlib.crc32 is original


def test_where_the_rewriter_is_not_proven() -> None:
    opcodes.force_trampolines(forced=True)
    try:
        assert fates(cut("json.decoder", "JSONDecoder.decode")) == ["code replaced"]
    finally:
        opcodes.force_trampolines(forced=False)


def test_report() -> None:
    out = io.StringIO()
    report(examine([cut("json", "gone"), cut("zlib", "crc32"), cut("no_such_library", "f")]), out)
    assert out.getvalue() == (
        "json:gone   left alone not there\n"
        "zlib:crc32  woven      in C: replaced\n"
        "\nnot installed: no_such_library\n"
        "\n1 functions would be woven, 1 left alone.\n"
    )


def test_the_command() -> None:
    environ = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "requests"}
    done = subprocess.run([RUN, "show"], env=environ, capture_output=True, text=True, check=True, timeout=60)
    assert "switched off: requests" in done.stdout
    assert "flask.app:Flask.full_dispatch_request" in done.stdout
    assert "requests.adapters" not in done.stdout
    assert "functions would be woven" in done.stdout.splitlines()[-1]
