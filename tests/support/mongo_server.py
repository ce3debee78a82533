"""A server that speaks MongoDB's wire protocol: mongo-java-server, in memory, on a free loopback port.

MongoDB itself is in none of the package registries. This one answers pymongo as MongoDB does for what the tests do.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from weftline.collector.errors import Misconfigured
from weftline.deploy.local import jars

VERSION = "1.47.0"
"""The same as in mongo_pom.xml."""
HERE = Path(__file__).parent


@contextmanager
def mongo_server() -> Iterator[int]:
    """Its port while the block runs; skips where there is no Java (a JDK) or no Maven, fails in CI."""
    try:
        folder = jars.fetch("mongo-java-server", VERSION, HERE / "mongo_pom.xml")
    except Misconfigured as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    command = ["java", "-Xmx128m", "-XX:+UseSerialGC", "-cp", f"{folder}/*", str(HERE / "MongoServer.java")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            assert said, "mongo-java-server did not start: is there a JDK?"
            yield int(said)
        finally:
            server.kill()
