"""A ClickHouse that was killed between writing down a block and storing it: a repeated insert must not be taken for a repetition."""

import os
import shutil
import signal
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from support.local import start_clickhouse
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.deploy.local.deduplication import take_back_lost_blocks

LINES = "1\t20261118_1_1_0\tblock_1\n", "1\t20261118_2_2_0\tblock_2\n"


@pytest.mark.parametrize(
    ("parts", "log", "left"),
    [
        (["20261118_1_1_0", "20261118_2_2_0"], [*LINES], 2),
        (["20261118_1_2_1"], [*LINES], 2),  # merged
        (["20261118_1_1_0"], [*LINES], 1),
        (["20261118_1_1_0", "20261119_2_2_0", "tmp_insert_20261118_2_2_0"], [*LINES], 1),
        ([], [*LINES, "2\t20261118_2_2_0\tblock_2\n"], 3),  # dropped
        (["20261118_1_1_0", "20261118_2_2_0"], [*LINES, "1\t20261118_3"], 2),  # half a line
        ([], [], 0),
    ],
)
def test_the_last_block_without_a_part_is_taken_back(
    tmp_path: Path, parts: list[str], log: list[str], left: int
) -> None:
    table = tmp_path / "store" / "abc" / "abcdef"
    logs = table / "deduplication_logs"
    logs.mkdir(parents=True)
    for part in parts:
        (table / part).mkdir()
    (logs / "deduplication_log_9.txt").write_text("".join(log))
    (logs / "deduplication_log_10.txt").touch()
    assert take_back_lost_blocks(tmp_path) == len(log) - left
    assert (logs / "deduplication_log_9.txt").read_text() == "".join(log[:left])


def insert(server: ClickHouse, number: int) -> int:
    """Of a row under a token; how many rows there are afterwards."""
    for sql in (f"INSERT INTO default.t SELECT {number}", "SELECT count() FROM default.t"):
        parameters = urllib.parse.urlencode({"query": sql, "insert_deduplication_token": f"token-{number}"})
        with urllib.request.urlopen(
            f"http://{server.host}:{server.http_port}/?{parameters}", b"", timeout=10
        ) as answer:
            count = answer.read()
    return int(count)


@pytest.mark.clickhouse
def test_an_insert_that_a_killed_server_only_wrote_down_is_stored_when_it_comes_again(tmp_path: Path) -> None:
    with start_clickhouse(tmp_path) as server:
        sql = "CREATE TABLE default.t (a Int64) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100"
        with urllib.request.urlopen(f"http://{server.host}:{server.http_port}/", sql.encode(), timeout=10):
            pass
        assert [insert(server, n) for n in (1, 2, 2)] == [1, 2, 2]
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        server.wait(10)
        [part] = server.data.glob("store/*/*/all_2_2_0")
        shutil.rmtree(part)  # as it is when the kill comes before the part has its name
        server.start()
        server.wait_ready()
        assert [insert(server, n) for n in (1, 2, 2)] == [1, 2, 2]
