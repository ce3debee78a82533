"""A real MariaDB on a free loopback port, its data in a folder of the test's."""

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pytest

from weftline.deploy.local.ports import HOST, free_port

USER, PASSWORD, DATABASE = "shop", "s3cret-password", "shopdb"


@dataclass(frozen=True, slots=True)
class MariaDB:
    """A running server; `parameters` connect to it."""

    port: int

    @property
    def parameters(self) -> dict[str, object]:
        return {"host": HOST, "port": self.port, "user": USER, "password": PASSWORD, "database": DATABASE}


@contextmanager
def mariadb_server(folder: Path) -> Iterator[MariaDB]:
    """The server while the block runs; skips where MariaDB isn't installed, fails in CI."""
    server_program, install = _program("mariadbd"), _program("mariadb-install-db")
    if server_program is None or install is None:
        if os.environ.get("CI"):
            pytest.fail("MariaDB is not installed.")
        pytest.skip("MariaDB is not installed (Debian: apt-get install mariadb-server).")
    data, port = folder / "data", free_port()
    as_user = ["--user=root"] if getpass.getuser() == "root" else []
    start = folder / "start.sql"
    start.write_text(
        f"CREATE DATABASE {DATABASE};\nCREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
        f"GRANT ALL ON *.* TO '{USER}'@'%';\n"
    )
    created = [
        install,
        "--no-defaults",
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]
    subprocess.run([*created, *as_user], check=True, capture_output=True)
    command = [
        server_program, "--no-defaults", f"--datadir={data}", f"--port={port}", f"--bind-address={HOST}",
        f"--socket={folder / 's'}", f"--pid-file={folder / 'pid'}", f"--init-file={start}", "--innodb-flush-log-at-trx-commit=0",
        "--skip-name-resolve", *as_user,
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    found = MariaDB(port)
    try:
        _wait(found, server, folder / "log")
        yield found
    finally:
        server.terminate()
        server.wait(30)


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")


def _wait(found: MariaDB, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            pymysql.connect(**found.parameters).close()
        except pymysql.err.OperationalError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return
