"""Files as their writers and logrotate treat them: every line comes once, in order, across rotations and restarts."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from weftline.collector.errors import Misconfigured
from weftline.collector.tail import positions
from weftline.collector.tail.follow import MAX_LINE_BYTES, Follower

_readers: list["Reader"] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _readers:
        _readers.pop().follower.close()


class Reader:
    """A follower that can be started again from its position file; `got` has all lines so far."""

    def __init__(self, folder: Path, pattern: str = "access.log", **options: bool) -> None:
        self.pattern = str(folder / pattern)
        self.file = folder / "positions.json"
        self.got: list[str] = []
        self.options = options
        self.follower = Follower([self.pattern], positions.load(self.file), **options)
        _readers.append(self)

    def read(self, times: int = 4) -> list[str]:
        """What is new, after as many looks as a rotation needs."""
        new = [line.text.decode() for _ in range(times) for line in self.follower.read(1 << 20)]
        self.got += new
        positions.save(self.file, self.follower.positions())
        return new

    def restart(self) -> None:
        self.follower.close()
        self.follower = Follower([self.pattern], positions.load(self.file))


def append(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def test_lines_come_once_and_only_when_they_are_whole(tmp_path: Path, log: Path) -> None:
    append(log, "one", "two")
    reader = Reader(tmp_path)
    assert reader.read() == ["one", "two"]
    with log.open("a") as file:
        file.write("thr")
    assert reader.read() == []
    append(log, "ee")
    assert reader.read() == ["three"]
    reader.restart()
    assert reader.read() == []
    append(log, "four")
    assert reader.read() == ["four"]


def test_lines_know_where_they_stand(tmp_path: Path, log: Path) -> None:
    append(log, "one", "", "three")
    follower = Follower([str(log)], [])
    assert [(line.path, line.number) for line in follower.read(1 << 20)] == [(str(log), 1), (str(log), 3)]
    follower.close()


def test_a_part_of_a_line_is_read_again_after_a_restart(tmp_path: Path, log: Path) -> None:
    log.write_text("one\ntw")
    reader = Reader(tmp_path)
    assert reader.read() == ["one"]
    reader.restart()
    append(log, "o")
    assert reader.read() == ["two"]


def test_rename_and_create(tmp_path: Path, log: Path) -> None:
    """logrotate's default: the writer goes on with the old file until it is told to open the new one."""
    append(log, "1")
    reader = Reader(tmp_path)
    reader.read()
    append(log, "2")
    old = log.rename(tmp_path / "access.log.1")
    assert reader.read() == ["2"]
    log.touch()
    append(old, "3")
    assert reader.read() == ["3"]
    append(old, "4")
    append(log, "5")
    assert reader.read() == ["4", "5"]
    append(log, "6")
    assert reader.read() == ["6"]


def test_copy_and_truncate(tmp_path: Path, log: Path) -> None:
    append(log, "1", "2")
    reader = Reader(tmp_path)
    reader.read()
    append(log, "3")
    shutil.copy(log, tmp_path / "access.log.1")
    log.write_text("")
    assert reader.read() == ["3"], "read from the copy"
    append(log, "4")
    assert reader.read() == ["4"]


def test_a_truncated_file_that_has_grown_past_where_we_were(tmp_path: Path, log: Path) -> None:
    append(log, "1", "2")
    reader = Reader(tmp_path)
    reader.read()
    log.write_text("longer than before\nand more\nand more\n")
    assert reader.read() == ["longer than before", "and more", "and more"]


@pytest.mark.parametrize("rotations", [1, 2, 3])
def test_rotated_while_we_were_away(tmp_path: Path, log: Path, rotations: int) -> None:
    append(log, "begin", "read")
    reader = Reader(tmp_path)
    reader.read()
    reader.follower.close()
    append(log, "0")
    for n in range(1, rotations + 1):
        for older in range(n - 1, 0, -1):
            (tmp_path / f"access.log.{older}").rename(tmp_path / f"access.log.{older + 1}")
        log.rename(tmp_path / "access.log.1")
        append(log, str(n))
    reader.restart()
    assert reader.read(8) == [str(n) for n in range(rotations + 1)]
    reader.restart()
    assert reader.read() == []


def test_truncated_while_we_were_away(tmp_path: Path, log: Path) -> None:
    append(log, "begin", "read")
    reader = Reader(tmp_path)
    reader.read()
    append(log, "0")
    shutil.copy(log, tmp_path / "access.log-20261122")
    log.write_text("1\n")
    reader.restart()
    assert reader.read(8) == ["0", "1"]


def test_a_restart_in_the_middle_of_a_rotation(tmp_path: Path, log: Path) -> None:
    append(log, "1", "2")
    reader = Reader(tmp_path)
    reader.read()
    log.rename(tmp_path / "access.log.1")
    append(tmp_path / "access.log.1", "3")
    reader.restart()  # there is no access.log now
    reader.read()
    append(log, "4")
    reader.read(8)
    assert reader.got == ["1", "2", "3", "4"]


def test_what_is_gone_is_said_to_be_lost(tmp_path: Path, log: Path, caplog: pytest.LogCaptureFixture) -> None:
    append(log, "1", "2")
    reader = Reader(tmp_path)
    reader.read()
    log.unlink()
    append(log, "3")
    reader.restart()
    assert reader.read() == ["3"]
    assert "lines after its line=2" in caplog.text


def test_a_pattern_takes_files_that_appear_later_but_no_rotated_or_compressed_ones(tmp_path: Path, log: Path) -> None:
    reader = Reader(tmp_path, "*.log*")
    append(log, "1")
    append(tmp_path / "other.log", "2")
    append(tmp_path / "old.log.2.gz", "x")
    assert sorted(reader.read()) == ["1", "2"]
    log.rename(tmp_path / "access.log.1")
    append(log, "3")
    assert reader.read() == ["3"]


def test_old_lines_can_be_skipped(tmp_path: Path, log: Path) -> None:
    append(log, "1", "2")
    reader = Reader(tmp_path, skip_old=True)
    assert reader.read() == []
    append(log, "3")
    append(tmp_path / "access.log", "4")
    assert [line.number for line in reader.follower.read(1 << 20)] == [3, 4]


def test_an_endless_line_is_cut_and_the_next_is_read(tmp_path: Path, log: Path) -> None:
    append(log, "x" * (3 * MAX_LINE_BYTES), "next")
    follower = Follower([str(log)], [])
    lines = [line for _ in range(6) for line in follower.read(1 << 20)]
    follower.close()
    assert [(line.number, line.whole) for line in lines] == [(1, False), (2, True)]
    assert lines[1].text == b"next"


def test_a_foreign_position_file_stops_it(tmp_path: Path) -> None:
    (tmp_path / "positions.json").write_text("hello")
    with pytest.raises(Misconfigured, match="no position file"):
        positions.load(tmp_path / "positions.json")
