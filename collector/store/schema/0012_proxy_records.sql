-- How many requests each proxy recorded the end of, by second: held against what it says it has finished.
CREATE TABLE IF NOT EXISTS proxy_records (
  second DateTime('UTC') CODEC(Delta, ZSTD(1)),
  node_id LowCardinality(String) CODEC(ZSTD(1)),
  records SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY toDate(second)
ORDER BY (node_id, second, tenant)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS proxy_records_from_access_logs TO proxy_records AS
SELECT
  access_logs.tenant AS tenant,
  toDateTime(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(access_logs.time) + toInt64(access_logs.duration), 'UTC'), 'UTC') AS second,
  node_id,
  count() AS records
FROM access_logs
WHERE access_logs.kind = 'end' AND node_id != ''
GROUP BY second, node_id, tenant
