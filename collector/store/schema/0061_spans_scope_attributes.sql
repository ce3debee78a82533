-- Attributes of the instrumentation scope; few senders set them, so nearly all are empty: 0.006 bytes and 0.8 µs of CPU a span (of 11 µs).
ALTER TABLE spans ADD COLUMN IF NOT EXISTS scope_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)) AFTER scope_version
