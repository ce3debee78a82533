-- What Envoys say of themselves, out of /stats/prometheus: one row a stat that changed, gauges also while they aren't zero.
-- Names are Envoy's without `envoy_`; http_downstream_rq_finished is downstream_rq_total less downstream_rq_active, and
-- scrapes counts the looks. A restart of the proxy begins a counter anew: increase is never negative.
CREATE TABLE IF NOT EXISTS proxy_stats (
  time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  since DateTime64(3, 'UTC') COMMENT 'the look before: increase is of the time between' CODEC(Delta, ZSTD(1)),
  node_id LowCardinality(String) CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  target LowCardinality(String) CODEC(ZSTD(1)),
  stat LowCardinality(String) CODEC(ZSTD(1)),
  scope LowCardinality(String) COMMENT 'cluster, connection manager or listener' CODEC(ZSTD(1)),
  worker LowCardinality(String) CODEC(ZSTD(1)),
  value Float64 CODEC(Gorilla, ZSTD(1)),
  increase Float64 COMMENT 'of a counter; 0 for gauges' CODEC(Gorilla, ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (node_id, stat, scope, worker, time)
SETTINGS non_replicated_deduplication_window = 10000
