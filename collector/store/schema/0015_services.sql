CREATE TABLE IF NOT EXISTS services (
  service String,
  last_time SimpleAggregateFunction(max, DateTime64(9, 'UTC'))
) ENGINE = AggregatingMergeTree
ORDER BY service
SETTINGS non_replicated_deduplication_window = 10000
