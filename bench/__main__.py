"""`python -m bench [name…]`: run the benchmarks and print their tables; README quotes them.

Each runs us and the peer in one go, interleaved, and prints medians as ratios: machines are shared and noisy.
"""

import importlib
import sys

BENCHMARKS = {
    "agent": "bench.agent",
    "agent-pieces": "bench.agent.pieces",
    "envoy": "bench.envoy",
    "ingest": "bench.ingest",
    "access-logs": "bench.access_logs",
    "agent-suites": "bench.agent_suites",
    "agent-versions": "bench.agent_versions",
}


def main() -> None:
    """Run those named on the command line, or all."""
    wanted = sys.argv[1:] or BENCHMARKS
    if unknown := set(wanted) - set(BENCHMARKS):
        sys.exit(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}.")
    for name in wanted:
        importlib.import_module(BENCHMARKS[name]).main()


if __name__ == "__main__":
    main()
