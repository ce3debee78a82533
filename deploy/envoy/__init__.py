"""Envoy configuration that attaches the transaction ID and sends spans and access logs to the edge."""
