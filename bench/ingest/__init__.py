"""Spans to rows in ClickHouse: weftline behind Kafka and without beside rotel, spans per CPU second."""

from bench.ingest.compare import main as main
