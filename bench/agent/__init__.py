"""What instrumentation costs a small request: the agent beside opentelemetry-contrib, CPU per request, export included."""

from bench.agent.compare import main as main
