"""Jaeger's two query services over gRPC, beside the HTTP application and over the same store."""
