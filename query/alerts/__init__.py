"""Alerts on the mesh's events: rules from a file, counts from the query service, notifications to receivers.

rules (YAML) ──► run (asks, in a loop) ──► state (what fires, what is told to whom; pure) ──► deliver (HTTP)
"""
