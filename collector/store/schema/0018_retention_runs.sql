-- How many rows a day of a table had after it was thinned out: as long as it has as many, nothing came late.
CREATE TABLE IF NOT EXISTS retention_runs (
  table LowCardinality(String),
  day Date,
  rule String,
  rows UInt64,
  time DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(time)
ORDER BY (table, day)
