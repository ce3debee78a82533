-- Small granules here, in aliases and in request_ids: what is read of them is a row here and there. Here small compressed blocks
-- too: a page of a search reads some forty rows, of each column a block. Of the columns by which it finds them it reads all.
-- One row a transaction, kept up to date by views from every kind of row; searchable the moment its first row lands.
-- Rows of one transaction merge in the background: readers group by transaction_id.
-- The same access log may come twice by two ways: a sum would count it twice. Sets of record_id don't, in whatever order
-- the rows come: read them with uniqMerge. errors are those of spans and logs.
CREATE TABLE IF NOT EXISTS transactions (
  transaction_id FixedString(16) CODEC(ZSTD(1)) SETTINGS (min_compress_block_size = 65536),
  day Date CODEC(ZSTD(1)),
  first_time SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(T64) SETTINGS (min_compress_block_size = 65536),
  last_time SimpleAggregateFunction(max, DateTime64(9, 'UTC')) COMMENT 'end of what ended last' CODEC(T64) SETTINGS (min_compress_block_size = 65536),
  services SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1)),
  spans SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
  logs SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
  errors SimpleAggregateFunction(sum, UInt64) COMMENT 'spans with status error, logs from ERROR on; not access logs' CODEC(ZSTD(1)),
  response_flags SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1)),
  response_code AggregateFunction(argMin, UInt16, DateTime64(9, 'UTC')) COMMENT 'of the first access log' CODEC(ZSTD(1)),
  root AggregateFunction(argMin, String, DateTime64(9, 'UTC')) COMMENT 'what the first span or access log was' CODEC(ZSTD(1)),
  access_log_records AggregateFunction(uniq, UInt64) COMMENT 'record_ids of requests and connections that are over' CODEC(ZSTD(1)),
  access_log_errors AggregateFunction(uniq, UInt64) COMMENT 'of those, the ones that ended from 500 on, without a response, or with a flag that is not harmless' CODEC(ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY day
ORDER BY (transaction_id, tenant)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, non_replicated_deduplication_window = 10000;

-- The root is what the first access log was, where there is one: a span's name says less, so spans come a day later.
CREATE MATERIALIZED VIEW IF NOT EXISTS transactions_from_spans TO transactions AS
SELECT
  spans.tenant AS tenant,
  transaction_id,
  toDate(spans.time) AS day,
  min(spans.time) AS first_time,
  max(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(spans.time) + toInt64(duration))) AS last_time,
  groupUniqArray(toString(service)) AS services,
  count() AS spans,
  countIf(status = 'error') AS errors,
  argMinState(toString(name), addDays(spans.time, 1)) AS root
FROM spans
GROUP BY transaction_id, day, tenant;

-- Lines logged outside any request have no transaction.
CREATE MATERIALIZED VIEW IF NOT EXISTS transactions_from_logs TO transactions AS
SELECT
  logs.tenant AS tenant,
  transaction_id,
  toDate(logs.time) AS day,
  min(logs.time) AS first_time,
  max(logs.time) AS last_time,
  groupUniqArray(toString(service)) AS services,
  count() AS logs,
  countIf(severity_number >= 17) AS errors
FROM logs
WHERE transaction_id != toFixedString('', 16)
GROUP BY transaction_id, day, tenant;

-- Access logs counted, errors, root and response code are those of requests and connections that are over, each once; flags
-- and times are those of every record. Harmless flags as in query/timeline/flags.py.
CREATE MATERIALIZED VIEW IF NOT EXISTS transactions_from_access_logs TO transactions AS
WITH arrayFilter(flag -> flag != '', splitByChar(',', toString(access_logs.response_flags))) AS flags
SELECT
  access_logs.tenant AS tenant,
  transaction_id,
  toDate(access_logs.time) AS day,
  min(access_logs.time) AS first_time,
  max(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(access_logs.time) + toInt64(duration))) AS last_time,
  groupUniqArray(toString(service)) AS services,
  uniqStateIf(record_id, kind IN ('end', 'connection')) AS access_log_records,
  uniqStateIf(record_id, kind IN ('end', 'connection') AND (
    access_logs.response_code >= 500 OR (kind = 'end' AND access_logs.response_code = 0 AND method != '')
    OR notEmpty(arrayFilter(flag -> flag NOT IN ('DI', 'RFCF'), flags)))) AS access_log_errors,
  arrayDistinct(arrayFlatten(groupArray(flags))) AS response_flags,
  argMinStateIf(access_logs.response_code, access_logs.time, kind = 'end') AS response_code,
  argMinStateIf(if(method != '', concat(toString(method), ' ', path), concat('TCP ', toString(upstream_cluster))), access_logs.time,
                kind IN ('end', 'connection')) AS root
FROM access_logs
WHERE transaction_id != toFixedString('', 16)
GROUP BY transaction_id, day, tenant;

-- When transactions have rows, by quarter hour (UTC): a search looks for the newest of its window, and for those that go on
-- after it, in its own quarter hours; in `transactions` that would be the whole day. A row a quarter hour in which rows of one
-- transaction begin that landed together; readers group.
CREATE TABLE IF NOT EXISTS transaction_times (
  quarter_hour Int32 COMMENT 'of first_time, since the epoch' CODEC(ZSTD(1)),
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  day Date CODEC(ZSTD(1)),
  first_time SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(T64, ZSTD(1)),
  last_time SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(T64, ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY day
ORDER BY (quarter_hour, transaction_id, tenant)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS transaction_times_from_transactions TO transaction_times AS
SELECT tenant, intDiv(toUnixTimestamp64Nano(first_time), 900000000000) AS quarter_hour, transaction_id, day, first_time, last_time
FROM transactions
WHERE transaction_id != toFixedString('', 16)
