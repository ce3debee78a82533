"""HTTP routes, one module an API: ours under /api/v1, Jaeger's under /api, /health."""
