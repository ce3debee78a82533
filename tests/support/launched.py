"""Programs of their own under `weftline-agent run`, and how to reach the servers among them."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

BIN = Path(sys.executable).parent
RUN = str(BIN / "weftline-agent")

Start = Callable[..., "subprocess.Popen[str]"]


@contextmanager
def programs(folder: Path, endpoint: str) -> Iterator[Start]:
    """Starts commands in a folder, their telemetry going to `endpoint`; ends those the test leaves running."""
    running: list[subprocess.Popen[str]] = []

    def start(*command: str, **environ: str) -> "subprocess.Popen[str]":
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_SERVICE_NAME": "shop",
            "PYTHONUNBUFFERED": "1",
            "WEFTLINE_AGENT_STATUS_FOLDER": str(folder / "status"),
        }
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, "PATH": path, **settings, **environ}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        running.append(process)
        return process

    try:
        yield start
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
            process.communicate()


def write(folder: Path, name: str, source: str) -> None:
    """A program's file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(source))


def get(url: str, process: "subprocess.Popen[str]", patience: float = 30) -> httpx.Response:
    """Asks until the server answers."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return httpx.get(url, trust_env=False, timeout=10)
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(process.communicate()[0]) from None
            time.sleep(0.05)
