CREATE MATERIALIZED VIEW IF NOT EXISTS proxy_records_from_access_logs TO proxy_records AS
SELECT
  toDateTime(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(access_logs.time) + toInt64(access_logs.duration), 'UTC'), 'UTC') AS second,
  node_id,
  count() AS records
FROM access_logs
WHERE access_logs.kind = 'end' AND node_id != ''
GROUP BY second, node_id
