"""Interleaved rounds of every contender on every framework; a process each, so that none warms up another."""

import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from bench.agent import environments, services
from bench.agent.scenario import WARM_UP
from weftline.deploy.local.ports import free_port, http_get

ROUNDS: Final = 5
SERVICE_ROUNDS: Final = 8
SLICES: Final = 3
"""Of each pair of processes: one process's slices differ as much from each other as processes do."""
REQUESTS: Final = 4_000
FRAMEWORKS: Final = ("flask", "fastapi")
PLAIN: Final = ("plain", "on")
CONTENDERS: Final = (
    PLAIN, ("contrib", "on"), ("ddtrace", "on"), ("weftline", "on"), ("contrib", "off"), ("weftline", "off"),
)  # fmt: skip
"""Each with whether the incoming trace is sampled."""
NAMES: Final = {"on": "", "off": " sampled out"}


@dataclass(slots=True)
class Measured:
    """What the rounds of one contender gave: CPU µs a request, spans a request, CPU ms to start, memory in KiB."""

    request: list[float] = field(default_factory=list)
    spans: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


Rounds = dict[tuple[str, str], Measured]


def main() -> None:
    """Run and print the tables."""
    peer = environments.ddtrace()
    port, agent_port = free_port(), free_port()
    variables = environments.variables(port, agent_port)
    with (
        receiving([sys.executable, "-m", "bench.agent.sink", str(port)], port),
        receiving([peer, "-m", "bench.agent.trace_agent", str(agent_port)], agent_port),
    ):
        counters = (port, agent_port)
        for framework in FRAMEWORKS:
            _one_process(framework, peer, variables, counters)
        for framework in FRAMEWORKS:
            _two_services(framework, peer, variables, counters)
    pieces = [sys.executable, "-m", "bench.agent.pieces"]
    subprocess.run(pieces, cwd=environments.ROOT, env=variables, check=True)


def _one_process(framework: str, peer: str, variables: Mapping[str, str], counters: tuple[int, int]) -> None:
    measured: Rounds = defaultdict(Measured)
    for _ in range(ROUNDS):
        for name, sampled in CONTENDERS:
            before = _count(counters)
            command = [_python(name, peer), "-m", "bench.agent.scenario", framework, name, sampled, str(REQUESTS)]
            done = subprocess.run(command, cwd=environments.ROOT, env=variables, stdout=subprocess.PIPE, check=True)
            figures = json.loads(done.stdout.splitlines()[-1])
            one = measured[name, sampled]
            one.request.append(figures["request"])
            one.start.append(figures["start"])
            one.memory.append(figures["memory"])
            one.spans.append((_count(counters) - before) / (WARM_UP + REQUESTS))
    show(f"{framework}, in one process: {ROUNDS} rounds of {REQUESTS} requests", measured)


def _two_services(framework: str, peer: str, variables: Mapping[str, str], counters: tuple[int, int]) -> None:
    measured: Rounds = defaultdict(Measured)
    for _ in range(SERVICE_ROUNDS):
        for name in dict.fromkeys(name for name, _ in CONTENDERS):
            with services.pair(_python(name, peer), framework, name, variables) as pair:
                time.sleep(2)  # what is left of warming up
                for it in SLICES * [it for it in CONTENDERS if it[0] == name]:
                    before = _count(counters)
                    measured[it].request.append(pair.slice(services.SLICE, it[1]))
                    measured[it].spans.append((_count(counters) - before) / services.SLICE)
    show(
        f"{framework}, one service calls another, CPU of both: {SERVICE_ROUNDS} pairs of processes, {SLICES} times "
        f"{services.SLICE} requests each",
        measured,
    )


@contextmanager
def receiving(command: list[str], port: int) -> Iterator[None]:
    """A receiver in a process of its own, while the block runs."""
    process = subprocess.Popen(command, cwd=environments.ROOT)
    try:
        while http_get(port, "/count")[0] != 200:
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def show(title: str, measured: Rounds) -> None:
    """One table: medians, between what the middle half of them lay, and what the others add in multiples of
    what weftline adds."""

    def median(contender: tuple[str, str], name: str) -> float:
        return statistics.median(getattr(measured[contender], name))

    started = bool(measured[PLAIN].start)
    print(f"\n{title}; medians, CPU (user and system), export included")
    head = f"{'':<22}{'µs a request':>14}{'middle half':>16}{'added':>10}{'spans':>8}"
    print(head + (f"{'start ms':>10}{'memory':>12}" if started else ""))
    for it in CONTENDERS:
        low, _, high = statistics.quantiles(measured[it].request, method="inclusive")
        line = f"{it[0] + NAMES[it[1]]:<22}{median(it, 'request'):>14.1f}{f'{low:.0f} to {high:.0f}':>16}"
        line += f"{median(it, 'request') - median(PLAIN, 'request'):>+10.1f}{median(it, 'spans'):>8.1f}"
        if started:
            memory = (median(it, "memory") - median(PLAIN, "memory")) / 1024
            line += f"{median(it, 'start') - median(PLAIN, 'start'):>+10.0f}{memory:>+9.1f} MB"
        print(line)
    for name, sampled in CONTENDERS:
        if name not in ("plain", "weftline"):
            theirs = median((name, sampled), "request") - median(PLAIN, "request")
            ours = median(("weftline", sampled), "request") - median(PLAIN, "request")
            print(f"{name}{NAMES[sampled]} adds {theirs / ours:.1f} times what weftline adds")
    sys.stdout.flush()


def _python(name: str, peer: str) -> str:
    return peer if name == "ddtrace" else sys.executable


def _count(counters: tuple[int, int]) -> int:
    """The spans that all receivers have got so far."""
    return sum(int(http_get(port, "/count")[1].split()[0]) for port in counters)
