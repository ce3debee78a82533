-- What each service's spans were called.
CREATE TABLE IF NOT EXISTS operations (
  service String,
  name String,
  kind LowCardinality(String),
  last_time SimpleAggregateFunction(max, DateTime64(9, 'UTC'))
) ENGINE = AggregatingMergeTree
ORDER BY (service, name, kind)
SETTINGS non_replicated_deduplication_window = 10000
