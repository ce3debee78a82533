-- Which days of which derived table were made anew out of the rows, by which views: what is done need not be done again.
CREATE TABLE IF NOT EXISTS backfill_runs (
  table LowCardinality(String),
  day Date,
  views String COMMENT 'a hash of their queries',
  rows UInt64 COMMENT 'of the tables they read',
  time DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(time)
ORDER BY (table, day)
