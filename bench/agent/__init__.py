"""What instrumentation costs a small request: the agent beside opentelemetry-contrib and ddtrace, CPU per request of
one service and of two, export included; start, memory, and what single pieces of the agent take."""


def main() -> None:
    """Run and print the tables."""
    from bench.agent.compare import main as compare  # not at the top: peers' environments know nothing of ours

    compare()
