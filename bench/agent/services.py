"""Two services, A calls B, both instrumented, behind real servers: CPU seconds of both from `/proc`, so Linux.

The load generator is this process, its CPU isn't counted; one connection, one request at a time.
"""

import http.client
import subprocess
import time
from collections.abc import Mapping
from typing import Final

from bench.agent import environments
from bench.agent.scenario import PARENT
from bench.cpu import cpu_seconds
from weftline.deploy.local.ports import free_port, http_get

WARM_UP: Final = 300
REQUESTS: Final = 2_000
_DELAY: Final = 1.0
"""Seconds that exporters let spans wait: ddtrace's, and so the others'."""


def pair(python: str, framework: str, name: str, sampled: str, variables: Mapping[str, str]) -> tuple[float, int]:
    """CPU µs that a request costs both services together, and how many requests were sent in all."""
    port_a, port_b = free_port(), free_port()
    environment = {**variables, "OTEL_BSP_SCHEDULE_DELAY": str(int(_DELAY * 1000))}
    command = [python, "-m", "bench.agent.service", framework, name]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for arguments in ([str(port_b)], [str(port_a), f"http://127.0.0.1:{port_b}"]):
            processes.append(
                subprocess.Popen(
                    [*command, *arguments], cwd=environments.ROOT, env=environment, stderr=subprocess.DEVNULL
                )
            )
            _wait(int(arguments[0]), processes[-1])
        _drive(port_a, WARM_UP, sampled)
        time.sleep(2 * _DELAY)
        before = sum(cpu_seconds(process.pid) for process in processes)
        _drive(port_a, REQUESTS, sampled)
        time.sleep(2 * _DELAY)
        spent = sum(cpu_seconds(process.pid) for process in processes) - before
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(10)
    return spent / REQUESTS * 1e6, WARM_UP + REQUESTS


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while http_get(port, "/")[0] != 404:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"A service did not start: {process.args!r}")
        time.sleep(0.1)


def _drive(port: int, count: int, sampled: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    flags = "01" if sampled == "on" else "00"
    for number in range(1, count + 1):
        connection.request("GET", "/items/a", headers={"traceparent": PARENT % (number, flags)})
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"The service answered {answer.status}.")
        answer.read()
    connection.close()
