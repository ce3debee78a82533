-- One row a transaction, kept up to date by views from every kind of row; searchable the moment its first row lands.
-- Rows of one transaction merge in the background: readers group by transaction_id.
CREATE TABLE IF NOT EXISTS transactions (
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  day Date CODEC(ZSTD(1)),
  first_time SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
  last_time SimpleAggregateFunction(max, DateTime64(9, 'UTC')) COMMENT 'end of what ended last' CODEC(ZSTD(1)),
  services SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1)),
  spans SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
  logs SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
  access_logs SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
  errors SimpleAggregateFunction(sum, UInt64) COMMENT 'spans with status error, logs from ERROR on, access logs of requests from 500 on or without a response' CODEC(ZSTD(1)),
  response_flags SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1)),
  response_code AggregateFunction(argMin, UInt16, DateTime64(9, 'UTC')) COMMENT 'of the first access log' CODEC(ZSTD(1)),
  root AggregateFunction(argMin, String, DateTime64(9, 'UTC')) COMMENT 'what the first span or access log was' CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY day
ORDER BY transaction_id
SETTINGS non_replicated_deduplication_window = 10000
