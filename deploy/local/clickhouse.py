"""ClickHouse as a child process: the `chdb-core` wheel run as a real server (`chdb_server.py`).

The first part of the local stack to start. Its folder holds `config.xml` (written at each start), `data/`, which
survives restarts, and the logs.
"""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from weftline.collector.errors import Misconfigured

from . import chdb_server
from .deduplication import take_back_lost_blocks
from .folder import FolderLock
from .ports import HOST, choose_port, http_get, listens
from .process import Process

CHDB_CORE = "26.9.0"
"""The version the schema and `chdb_server.py` were tried with; the same as in pyproject.toml."""
TCP_PORT = 9000
HTTP_PORT = 8123

# `log-level` at the top is clickhouse-local's own option: it overrides logger.level, with `trace` unless it is given.
CONFIG = """\
<clickhouse>
  <listen_host>{host}</listen_host>
  <tcp_port>{tcp_port}</tcp_port>
  <http_port>{http_port}</http_port>
  <log-level>warning</log-level>
  <background_schedule_pool_size>16</background_schedule_pool_size>
  <logger><log>{log}</log><size>2M</size><count>1</count></logger>
{more}</clickhouse>
"""


class ClickHouse(Process):
    """One server on 127.0.0.1, for the owner of the machine: no password.

    A port that isn't given is ClickHouse's own (9000, 8123) if that is free, else any free one; a port that is given is
    used or refused. `start` raises `Misconfigured` when a port or the folder is in use or the wheel isn't there.
    """

    host = HOST

    def __init__(
        self, folder: Path, *, tcp_port: int | None = None, http_port: int | None = None, more: str = ""
    ) -> None:
        """``more`` is XML for its configuration: the clusters it knows."""
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.tcp_port = tcp_port or 0
        self.http_port = http_port or 0
        self._more = more
        self._wanted = (tcp_port, http_port)
        self._lock = FolderLock(self.folder)
        super().__init__(
            "ClickHouse",
            [sys.executable, "-P", str(chdb_server.__file__), str(self.data)],
            log=self.folder / "process.log",
            ready=self._answers,
            cwd=self.folder,
        )

    def start(self) -> None:
        if self.running:
            return
        _require_wheel()
        self._lock.take("ClickHouse")
        try:
            self._choose_ports()
            config = CONFIG.format(
                host=HOST,
                tcp_port=self.tcp_port,
                http_port=self.http_port,
                log=escape(str(self.folder / "clickhouse.log")),
                more=self._more,
            )
            (self.folder / "config.xml").write_text(config)
            self.data.mkdir(exist_ok=True)
            take_back_lost_blocks(self.data)
            self.inherited = (self._lock.fd,)
            super().start()
        except BaseException:
            self._lock.release()
            raise

    def ask_to_end(self) -> None:
        """The server reads its standard input; its end is the server's."""
        self._close_stdin()

    def stop(self) -> None:
        super().stop()
        self._lock.release()

    def _choose_ports(self) -> None:
        """Once: a restarted server keeps its ports, its clients know them."""
        tcp, http = self._wanted
        self.tcp_port = choose_port(tcp, TCP_PORT, "ClickHouse")
        self.http_port = choose_port(http, HTTP_PORT, "ClickHouse")
        self._wanted = (self.tcp_port, self.http_port)

    def _answers(self) -> bool:
        """A `SELECT` over HTTP comes from *our* data folder, and the native port accepts connections."""
        query = quote("SELECT value FROM system.server_settings WHERE name = 'path' FORMAT TSVRaw")
        status, body = http_get(self.http_port, f"/?query={query}")
        return status == 200 and Path(body.decode().strip()).resolve() == self.data.resolve() and listens(self.tcp_port)


def _require_wheel() -> None:
    try:
        installed = version("chdb-core")
    except PackageNotFoundError:
        raise Misconfigured(
            f"ClickHouse needs the package chdb-core {CHDB_CORE}, which is not installed: pip install 'weftline[local]'"
        ) from None
    if installed != CHDB_CORE:
        raise Misconfigured(
            f"ClickHouse needs chdb-core {CHDB_CORE}, but {installed} is installed: pip install 'weftline[local]'"
        )
