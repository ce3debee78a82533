-- The governance events of the mesh, one row a kind and access log, linked to their transaction; ejections of hosts come
-- from the proxies' stats and have none. The same record stored twice is one event: readers take each id once.
CREATE TABLE IF NOT EXISTS events (
  time DateTime64(9, 'UTC') COMMENT 'end of the request' CODEC(Delta, ZSTD(1)),
  id UInt64 CODEC(NONE),
  kind LowCardinality(String) CODEC(ZSTD(1)),
  reason LowCardinality(String) COMMENT 'flags of this kind as logged, or the response code detail' CODEC(ZSTD(1)),
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  span_id FixedString(8) CODEC(ZSTD(1)),
  request_id String COMMENT 'where nothing else is known, the transaction is found by it' CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  proxy_role LowCardinality(String) CODEC(ZSTD(1)),
  node_id LowCardinality(String) CODEC(ZSTD(1)),
  route_name LowCardinality(String) CODEC(ZSTD(1)),
  upstream_cluster LowCardinality(String) CODEC(ZSTD(1)),
  upstream_host LowCardinality(String) CODEC(ZSTD(1)),
  method LowCardinality(String) CODEC(ZSTD(1)),
  authority LowCardinality(String) CODEC(ZSTD(1)),
  path String CODEC(ZSTD(1)),
  response_code UInt16 CODEC(ZSTD(1)),
  response_flags LowCardinality(String) CODEC(ZSTD(1)),
  response_code_details LowCardinality(String) CODEC(ZSTD(1)),
  upstream_transport_failure_reason LowCardinality(String) CODEC(ZSTD(1)),
  upstream_attempts UInt16 CODEC(ZSTD(1)),
  duration UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  count UInt32 DEFAULT 1 COMMENT 'more than one only where a counter of the proxy says so' CODEC(T64, ZSTD(1)),
  stored DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'for those who follow: rows may arrive late' CODEC(Delta, ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (time, id)
SETTINGS non_replicated_deduplication_window = 10000
