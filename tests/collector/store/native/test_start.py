"""How a process comes to an encoder, and that it goes without one."""

import importlib.util
import logging
import os
import stat
from pathlib import Path

import pytest

from support.otlp import span, spans_request
from weftline.collector.store.native import start
from weftline.collector.store.native.cache_folder import choose
from weftline.collector.store.protocol import SpanEncoder

MESSAGE = spans_request(span("0af7651916cd43dd8448eb211c80319c", "b" * 16))


def test_without_numba_clickhouse_decodes_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with caplog.at_level(logging.INFO):
        assert start.start_encoder(wanted=True) is None
    assert "weftline[native]" in caplog.text
    assert start.start_encoder(wanted=False) is None


def test_until_it_is_compiled_batches_are_left_to_clickhouse(
    encoder: SpanEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    later = start.LaterEncoder()
    assert later.encode([MESSAGE]) is None
    with caplog.at_level(logging.INFO):
        later.get_ready()
    block = later.encode([MESSAGE])
    assert block is not None
    assert "from now on" in caplog.text


def test_what_can_t_be_compiled_is_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(start, "_compile_in_a_child", fail)
    later = start.LaterEncoder()
    later.get_ready()
    assert later.encode([MESSAGE]) is None
    assert "goes on decoding" in caplog.text


def test_compiled_code_is_kept_where_it_is_told_else_in_the_users_cache(tmp_path: Path) -> None:
    told = choose({"NUMBA_CACHE_DIR": str(tmp_path / "told"), "XDG_CACHE_HOME": str(tmp_path)})
    assert told.parent == tmp_path / "told"
    assert choose({"XDG_CACHE_HOME": str(tmp_path / "x")}).parent == tmp_path / "x"
    assert stat.S_IMODE(told.stat().st_mode) == 0o700


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "NUMBA_CACHE_DIR"])
def test_where_nothing_can_be_written_it_is_a_folder_nobody_else_writes_to(tmp_path: Path, variable: str) -> None:
    (tmp_path / "file").touch()
    folder = choose({variable: str(tmp_path / "file")})
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert tmp_path not in folder.parents


def test_what_came_with_an_image_is_copied_to_where_it_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = choose({"NUMBA_CACHE_DIR": str(tmp_path)})
    (came / "compiled").write_text("here")
    came.chmod(0o500)
    monkeypatch.setattr(os, "access", lambda *_: False)  # tests may run as root, who can write anywhere
    folder = choose({"NUMBA_CACHE_DIR": str(tmp_path)})
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert tmp_path not in folder.parents
    assert (folder / "compiled").read_text() == "here"


def test_code_that_others_could_have_written_is_not_run(tmp_path: Path) -> None:
    theirs = choose({"NUMBA_CACHE_DIR": str(tmp_path)})
    theirs.chmod(0o777)
    assert tmp_path not in choose({"NUMBA_CACHE_DIR": str(tmp_path)}).parents
