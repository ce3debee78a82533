"""The query service as a process: how it starts, what it says when it can't, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.socket

COMMAND = [sys.executable, "-m", "weftline.query"]


def environ(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEFTLINE_")}
    return {**inherited, **more}


def refused(**more: str) -> str:
    """What the process says when it doesn't start."""
    ran = subprocess.run(COMMAND, env=environ(**more), capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Traceback" not in ran.stderr
    return ran.stderr


@contextmanager
def running(**more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL, once it listens."""
    process = subprocess.Popen(
        COMMAND,
        env=environ(WEFTLINE_QUERY_PORT="0", WEFTLINE_QUERY_GRPC_PORT="0", **more),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr
        line = next(line for line in process.stderr if "listens on" in line)
        yield process, line.rsplit(maxsplit=1)[-1]
    finally:
        process.kill()
        process.communicate()


def test_a_folder_that_is_no_jaeger_ui_is_refused(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "--jaeger-ui", tmp_path], env=environ(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"weftline: {tmp_path}/index.html can't be read: No such file or directory")


def test_it_serves_a_jaeger_ui(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<head></head>const JAEGER_CONFIG = DEFAULT_CONFIG;", encoding="utf-8")
    with running(WEFTLINE_QUERY_JAEGER_UI=str(tmp_path)) as (_, url), urllib.request.urlopen(f"{url}/search") as answer:
        assert b"archiveEnabled" in answer.read()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def get(url: str) -> tuple[int, object]:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_it_starts_without_clickhouse_and_says_what_is_wrong() -> None:
    port = closed_port()
    with running(WEFTLINE_CLICKHOUSE_TCP_PORT=str(port)) as (process, url):
        status, health = get(f"{url}/health")
        assert status == 503
        assert isinstance(health, dict)
        assert health["status"] == "unavailable"
        assert f"127.0.0.1:{port}" in health["checks"]["store"]
        assert get(f"{url}/api/v1/transactions/{'a' * 32}")[0] == 503
        process.send_signal(signal.SIGTERM)
        # uvicorn ends cleanly and then repeats the signal, so that whoever waits sees why.
        assert process.wait(30) in (0, -signal.SIGTERM)


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        said = refused(WEFTLINE_QUERY_PORT=str(port))
    assert said == (
        f"weftline: The query service can't listen on 127.0.0.1:{port}: Address already in use. Choose another address "
        "with WEFTLINE_QUERY_HOST and WEFTLINE_QUERY_PORT.\n"
    )


def test_settings_that_are_wrong_are_named() -> None:
    said = refused(WEFTLINE_QUERY_PORT="x", WEFTLINE_QUERY_MAXROWS="5")
    assert "WEFTLINE_QUERY_PORT='x': expected a whole number" in said
    assert "WEFTLINE_QUERY_MAXROWS: no such setting" in said
