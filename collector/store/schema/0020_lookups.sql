-- Who looked up what, where the query service is told to write it here (WEFTLINE_QUERY_AUDIT_TABLE). No route reads it.
CREATE TABLE IF NOT EXISTS lookups (
  time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  who LowCardinality(String) CODEC(ZSTD(1)),
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  peer LowCardinality(String) CODEC(ZSTD(1)),
  forwarded_for String CODEC(ZSTD(1)),
  protocol LowCardinality(String) CODEC(ZSTD(1)),
  method LowCardinality(String) CODEC(ZSTD(1)),
  path String CODEC(ZSTD(1)),
  query String CODEC(ZSTD(1)),
  status LowCardinality(String) CODEC(ZSTD(1)),
  rows UInt64 CODEC(T64, ZSTD(1)),
  duration Float64 COMMENT 'ms' CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (time, who)
