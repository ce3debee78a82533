"""Interleaved rounds of every contender on every framework; a process each, so that none warms up another."""

import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict

from weftline.deploy.local.ports import free_port, http_get

ROUNDS, REQUESTS = 5, 4_000
CONTENDERS = (("bare", "on"), ("weftline", "on"), ("weftline", "off"), ("contrib", "on"), ("contrib", "off"))


def main() -> None:
    """Run and print the tables."""
    port = free_port()
    sink = subprocess.Popen([sys.executable, "-m", "bench.agent.sink", str(port)])
    try:
        while http_get(port, "/count")[0] != 200:
            time.sleep(0.1)
        for framework in ("flask", "fastapi"):
            _table(framework, port)
    finally:
        sink.kill()
        sink.wait()


def _table(framework: str, port: int) -> None:
    measured: defaultdict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    spans: dict[tuple[str, str], float] = {}
    for _ in range(ROUNDS):
        for contender, sampled in CONTENDERS:
            before = _count(port)
            command = [
                sys.executable,
                "-m",
                "bench.agent.scenario",
                framework,
                contender,
                sampled,
                str(port),
                str(REQUESTS),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            measured[contender, sampled].append(json.loads(done.stdout))
            spans[contender, sampled] = round((_count(port) - before) / (REQUESTS + 500), 1)

    def median(contender: tuple[str, str], field: str) -> float:
        return statistics.median(one[field] for one in measured[contender])

    bare = ("bare", "on")
    print(f"\n{framework}: medians of {ROUNDS} rounds of {REQUESTS} requests, CPU of the process, export included")
    print(f"{'':<22}{'µs a request':>14}{'added':>10}{'spans':>8}{'start ms':>10}{'memory':>12}")
    for it in CONTENDERS:
        name = it[0] + ("" if it == bare else " sampled" if it[1] == "on" else " sampled out")
        added = median(it, "request") - median(bare, "request")
        memory = (median(it, "memory") - median(bare, "memory")) / 1024
        print(
            f"{name:<22}{median(it, 'request'):>14.1f}{added:>+10.1f}{spans[it]:>8}"
            f"{median(it, 'start') - median(bare, 'start'):>+10.0f}{memory:>+9.1f} MB"
        )
    for sampled, text in (("on", "sampled"), ("off", "sampled out")):
        ours, theirs = (
            median((name, sampled), "request") - median(bare, "request") for name in ("weftline", "contrib")
        )
        print(f"{text}: contrib adds {theirs / ours:.1f} times what weftline adds")


def _count(port: int) -> int:
    return int(http_get(port, "/count")[1].split()[0])
