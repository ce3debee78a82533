"""A real Apache ZooKeeper on a free loopback port: ClickHouse's replicated tables speak its protocol, as Keeper does.

ClickHouse Keeper itself is not in the wheel that the tests run as a server.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from weftline.collector.errors import Misconfigured
from weftline.deploy.local import jars
from weftline.deploy.local.ports import free_port, listens
from weftline.deploy.local.process import Process

VERSION = "3.9.4"
"""The same as in zookeeper_pom.xml."""
HERE = Path(__file__).parent


@contextmanager
def start_zookeeper(folder: Path) -> Iterator[int]:
    """Its port while the block runs; skips where there is no Java or no Maven, fails in CI."""
    try:
        classes = jars.fetch("ZooKeeper", VERSION, HERE / "zookeeper_pom.xml")
    except Misconfigured as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        "java", "-Xmx128m", "-XX:+UseSerialGC", "-Dzookeeper.admin.enableServer=false", "-cp", f"{classes}/*",
        "org.apache.zookeeper.server.ZooKeeperServerMain", str(port), str(folder / "data"),
    ]  # fmt: skip
    with Process(
        "ZooKeeper", command, log=folder / "zookeeper.log", ready=lambda: listens(port), ready_seconds=60, cwd=folder
    ):
        yield port
