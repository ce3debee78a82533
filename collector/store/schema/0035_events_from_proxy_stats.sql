-- Ejected hosts: no access log says it, a counter of the proxy does.
CREATE MATERIALIZED VIEW IF NOT EXISTS events_from_proxy_stats TO events AS
SELECT
  toDateTime64(proxy_stats.time, 9, 'UTC') AS time,
  sipHash64(node_id, scope, proxy_stats.time, 'outlier_ejection') AS id,
  'outlier_ejection' AS kind,
  service,
  node_id,
  scope AS upstream_cluster,
  toUInt32(increase) AS count
FROM proxy_stats
WHERE stat = 'cluster_outlier_detection_ejections_enforced_total' AND increase > 0
