-- Envoy's access logs. transaction_id is that of x-transaction-id, else the trace id.
CREATE TABLE IF NOT EXISTS access_logs (
  transaction_id FixedString(16) CODEC(ZSTD(1)),
  time DateTime64(9, 'UTC') COMMENT 'start of the request' CODEC(Delta, ZSTD(1)),
  duration UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  span_id FixedString(8) CODEC(ZSTD(1)),
  parent_span_id FixedString(8) CODEC(ZSTD(1)),
  upstream_span_id FixedString(8) CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  proxy_role LowCardinality(String) CODEC(ZSTD(1)),
  node_id LowCardinality(String) CODEC(ZSTD(1)),
  log_type LowCardinality(String) CODEC(ZSTD(1)),
  method LowCardinality(String) CODEC(ZSTD(1)),
  authority LowCardinality(String) CODEC(ZSTD(1)),
  path String CODEC(ZSTD(1)),
  protocol LowCardinality(String) CODEC(ZSTD(1)),
  response_code UInt16 CODEC(ZSTD(1)),
  response_flags LowCardinality(String) CODEC(ZSTD(1)),
  response_code_details LowCardinality(String) CODEC(ZSTD(1)),
  upstream_transport_failure_reason LowCardinality(String) CODEC(ZSTD(1)),
  connection_termination_details LowCardinality(String) CODEC(ZSTD(1)),
  upstream_cluster LowCardinality(String) CODEC(ZSTD(1)),
  upstream_host LowCardinality(String) CODEC(ZSTD(1)),
  upstream_attempts UInt16 CODEC(ZSTD(1)),
  route_name LowCardinality(String) CODEC(ZSTD(1)),
  request_id String CODEC(ZSTD(1)),
  stream_id String CODEC(ZSTD(1)),
  bytes_received UInt64 CODEC(T64, ZSTD(1)),
  bytes_sent UInt64 CODEC(T64, ZSTD(1)),
  grpc_status LowCardinality(String) CODEC(ZSTD(1)),
  resource Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  attributes Map(LowCardinality(String), String) COMMENT 'what has no column of its own' CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (transaction_id, time)
SETTINGS min_bytes_for_wide_part = 1073741824, min_rows_for_wide_part = 100000000,
         non_replicated_deduplication_window = 10000
