"""OTLP/HTTP to Apache Kafka: what a span costs the edge, beside rotel's Kafka exporter. CPU of the receiver alone."""

from bench.edge.compare import main as main
