"""A real PostgreSQL on a free loopback port; Debian's packages or the PATH."""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from weftline.deploy.local.ports import HOST, free_port

USER, PASSWORD, DATABASE = "shop", "s3cret-password", "shopdb"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server; `parameters` connect to it."""

    port: int

    @property
    def parameters(self) -> dict[str, object]:
        return {"host": HOST, "port": self.port, "user": USER, "password": PASSWORD, "dbname": DATABASE}


def _binaries() -> Path | None:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """The server while the block runs; skips where PostgreSQL isn't installed, fails in CI."""
    binaries = _binaries()
    if binaries is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed.")
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql).")
    with tempfile.TemporaryDirectory(prefix="weftline-postgres-") as name:  # pytest's own folders are closed to others
        yield from _run(binaries, Path(name))


def _run(binaries: Path, folder: Path) -> Iterator[Postgres]:
    prefix: list[str] = []
    password = folder / "password"
    password.write_text(PASSWORD)
    if getpass.getuser() == "root":  # PostgreSQL refuses to run as root
        prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        shutil.chown(folder, "nobody", "nogroup")
        shutil.chown(password, "nobody", "nogroup")
    data, log, port = folder / "data", folder / "log", free_port()
    create = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        USER,
        "--pwfile",
        password,
        "-A",
        "scram-sha-256",
        "-E",
        "UTF8",
        "-N",
    ]
    subprocess.run([*prefix, *create], check=True, capture_output=True, cwd="/")
    options = [f"port={port}", f"listen_addresses={HOST}", "unix_socket_directories=", "fsync=off"]
    command = [*prefix, binaries / "postgres", "-D", data, *(part for option in options for part in ("-c", option))]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, cwd="/")
    try:
        _create_database(port, server, log)
        yield Postgres(port)
    finally:
        server.send_signal(signal.SIGINT)  # the shutdown that doesn't wait for clients
        server.wait(20)


def _create_database(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(
                host=HOST, port=port, user=USER, password=PASSWORD, dbname="postgres", autocommit=True
            ) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}")
                return
        except psycopg.OperationalError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
