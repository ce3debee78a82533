"""`python -m bench [name…] [option…]`: run the benchmarks and print their tables; README quotes them.

Each runs us and the peer in one go, interleaved, and prints medians as ratios: machines are shared and noisy.
"""

import importlib
import itertools
import sys

BENCHMARKS = {
    "agent": "bench.agent",
    "agent-pieces": "bench.agent.pieces",
    "envoy": "bench.envoy",
    "edge": "bench.edge",
    "ingest": "bench.ingest",
    "query": "bench.query",
    "access-logs": "bench.access_logs",
    "ui": "bench.ui",
    "soak": "bench.soak",
    "agent-suites": "bench.agent_suites",
    "agent-versions": "bench.agent_versions",
}


def main() -> None:
    """Run those named on the command line, or all; what comes after the names are options of the only one named."""
    names = list(itertools.takewhile(lambda it: not it.startswith("-"), sys.argv[1:]))
    if len(names) != 1 and len(sys.argv) > 1 + len(names):
        sys.exit("Options belong to one benchmark: name it alone, before them.")
    sys.argv = [sys.argv[0], *sys.argv[1 + len(names) :]]
    wanted = names or BENCHMARKS
    if unknown := set(wanted) - set(BENCHMARKS):
        sys.exit(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}.")
    for name in wanted:
        importlib.import_module(BENCHMARKS[name]).main()


if __name__ == "__main__":
    main()
