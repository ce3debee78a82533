-- How many requests each proxy recorded the end of, by second: held against what it says it has finished.
CREATE TABLE IF NOT EXISTS proxy_records (
  second DateTime('UTC') CODEC(Delta, ZSTD(1)),
  node_id LowCardinality(String) CODEC(ZSTD(1)),
  records SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY toDate(second)
ORDER BY (node_id, second)
SETTINGS non_replicated_deduplication_window = 10000
