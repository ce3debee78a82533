-- Spans, ordered by transaction: a look-up reads one or two granules. trace_id and transaction ID are one thing here.
-- Parts stay compact up to 1 GiB: wide parts cost four times the system CPU at insert.
CREATE TABLE IF NOT EXISTS spans (
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
  duration UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  span_id FixedString(8) CODEC(NONE),
  parent_span_id FixedString(8) CODEC(ZSTD(1)),
  trace_state String CODEC(ZSTD(1)),
  flags UInt32 CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  name LowCardinality(String) CODEC(ZSTD(1)),
  kind Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5) CODEC(ZSTD(1)),
  status Enum8('unset' = 0, 'ok' = 1, 'error' = 2) CODEC(ZSTD(1)),
  status_message String CODEC(ZSTD(1)),
  scope_name LowCardinality(String) CODEC(ZSTD(1)),
  scope_version LowCardinality(String) CODEC(ZSTD(1)),
  resource Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  events Nested(time DateTime64(9, 'UTC'), name LowCardinality(String), attributes Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  links Nested(trace_id FixedString(16), span_id FixedString(8), attributes Map(LowCardinality(String), String)) CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (transaction_id, time)
SETTINGS min_bytes_for_wide_part = 1073741824, min_rows_for_wide_part = 100000000,
         non_replicated_deduplication_window = 10000
