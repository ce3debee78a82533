"""OTLP/HTTP to rows in ClickHouse: weftline's edge in direct mode beside rotel, spans per CPU second."""

from bench.ingest.compare import main as main
