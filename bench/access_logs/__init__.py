"""Access logs of a real Envoy → rows: records per CPU second, and what each way loses while the collector is away."""

from bench.access_logs import loss, throughput


def main() -> None:
    """Run both and print their tables."""
    throughput.main()
    loss.main()
