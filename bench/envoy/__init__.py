"""CPU that the propagator and its logs add to a proxied request, beside tracing alone; in the real Envoy."""

from bench.envoy.compare import main

__all__ = ["main"]
