-- Which service calls which, in halves: a caller's half is that a service made a span, a callee's half that it was called
-- by one. They land in any order, in different inserts; a reader joins those of its window (read/dependencies.sql), so an
-- edge is counted once however often one of its ends was told (a proxy's span and its access log have the same ids).
-- One row a transaction, service and insert; a call whose two ends are of one service in one insert is no edge and left out.
CREATE TABLE IF NOT EXISTS half_edges (
  hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  ids Array(FixedString(8)) COMMENT 'of all its spans, recorded or only named by a proxy: any of them may call' CODEC(LZ4),
  calls Nested(
    parent_span_id FixedString(8),
    span_id FixedString(8),
    time DateTime('UTC'),
    duration UInt64,
    failed Bool
  ) COMMENT 'that it got' CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(hour)
ORDER BY (hour, transaction_id)
SETTINGS min_bytes_for_wide_part = 1073741824, min_rows_for_wide_part = 100000000,
         non_replicated_deduplication_window = 10000
