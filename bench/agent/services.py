"""Two services, A calls B, both instrumented, behind real servers: CPU of both from `/proc`, so Linux.

The load generator is this process, its CPU isn't counted; one connection, one request at a time. The contenders take
turns, a pair of new processes each: the same program takes 60 µs more in one process than in another.
"""

import http.client
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.agent import environments
from bench.agent.scenario import PARENT
from bench.cpu import cpu_nanoseconds
from weftline.deploy.local.ports import free_port, http_get

WARM_UP: Final = 300
SLICE: Final = 400
_DELAY: Final = 0.5
"""Seconds that exporters let spans wait; ddtrace's can't be set, and is 1."""
_SETTLED: Final = 1.5
"""Seconds after a slice until everything is exported."""


@dataclass(slots=True)
class Pair:
    """Two running services, the second called by the first, which listens at `port`."""

    port: int
    processes: "list[subprocess.Popen[bytes]]"

    def slice(self, requests: int, sampled: str) -> float:
        """CPU µs that a request costs both together, exports included."""
        before = self._spent()
        _drive(self.port, requests, sampled)
        time.sleep(_SETTLED)
        return (self._spent() - before) / requests / 1e3

    def _spent(self) -> int:
        return sum(map(cpu_nanoseconds, (pid for process in self.processes for pid in _family(process.pid))))


@contextmanager
def pair(python: str, framework: str, name: str, variables: Mapping[str, str]) -> Iterator[Pair]:
    """Two services of a contender, warm, while the block runs."""
    port_a, port_b = free_port(), free_port()
    environment = {**variables, "OTEL_BSP_SCHEDULE_DELAY": str(int(_DELAY * 1000))}
    command = [python, "-m", "bench.agent.service", framework, name]
    made = Pair(port_a, [])
    try:
        for arguments in ([str(port_b)], [str(port_a), f"http://127.0.0.1:{port_b}"]):
            made.processes.append(
                subprocess.Popen(
                    [*command, *arguments], cwd=environments.ROOT, env=environment, stderr=subprocess.DEVNULL
                )
            )
            _wait(int(arguments[0]), made.processes[-1])
        for sampled in ("on", "off"):
            _drive(port_a, WARM_UP, sampled)
        yield made
    finally:
        for process in made.processes:
            process.terminate()
        for process in made.processes:
            process.wait(10)


def _family(pid: int) -> list[int]:
    """A process and those it started: gunicorn's workers."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


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
