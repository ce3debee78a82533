"""A data folder has one user at a time."""

import os
import subprocess
from pathlib import Path

import pytest

from weftline.collector.errors import Misconfigured
from weftline.deploy.local.folder import FolderLock


def test_second_user_is_told_who_has_it(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path / "data"), FolderLock(tmp_path / "data")
    first.take("ClickHouse")
    with pytest.raises(Misconfigured, match=rf"ClickHouse can't use .*/data: it is in use .*pid {os.getpid()}\)"):
        second.take("ClickHouse")
    first.release()
    second.take("ClickHouse")
    second.release()


def test_taking_and_releasing_twice_is_harmless(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    lock.take("Kafka")
    lock.take("Kafka")
    lock.release()
    lock.release()


def test_stays_taken_while_a_child_that_inherited_it_lives(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    lock.take("Kafka")
    with subprocess.Popen(["sleep", "60"], pass_fds=(lock.fd,)) as child:
        lock.release()
        with pytest.raises(Misconfigured):
            FolderLock(tmp_path).take("Kafka")
        child.kill()
    again = FolderLock(tmp_path)
    again.take("Kafka")
    again.release()
