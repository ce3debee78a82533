-- What else an Envoy says about a request. Times count from the first byte received from downstream, 0 where Envoy has none.
-- record_id is the same for every record of one request (attempt, connection) at one proxy, whatever way it came and
-- whether it was said at the start, meanwhile or at the end: what reads or counts takes one row a record_id.
ALTER TABLE access_logs
  ADD COLUMN IF NOT EXISTS record_id UInt64 CODEC(NONE),
  ADD COLUMN IF NOT EXISTS listener_direction LowCardinality(String) COMMENT 'inbound, outbound or empty' CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS connection_id UInt64 COMMENT 'of the proxy, since its start' CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS upstream_connection_id UInt64 CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS downstream_remote_address String CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS downstream_local_address LowCardinality(String) CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS upstream_local_address String CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS upstream_hosts_attempted Array(LowCardinality(String)) CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS time_to_last_rx_byte UInt64 COMMENT 'ns: the request was whole' CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS time_to_first_upstream_tx_byte UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS time_to_last_upstream_tx_byte UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS time_to_first_upstream_rx_byte UInt64 COMMENT 'ns: the upstream began to answer' CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS time_to_last_upstream_rx_byte UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS time_to_first_downstream_tx_byte UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS connection_pool_ready_duration UInt64 COMMENT 'ns: waited for a connection to the upstream' CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS downstream_wire_bytes_received UInt64 CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS downstream_wire_bytes_sent UInt64 CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS upstream_wire_bytes_received UInt64 CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS upstream_wire_bytes_sent UInt64 CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS requested_server_name LowCardinality(String) COMMENT 'SNI' CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS downstream_tls_version LowCardinality(String) CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS downstream_peer_subject LowCardinality(String) CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS downstream_peer_uri_san LowCardinality(String) COMMENT 'SPIFFE identity of the caller' CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS downstream_local_uri_san LowCardinality(String) CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS upstream_peer_uri_san LowCardinality(String) COMMENT 'SPIFFE identity of the upstream' CODEC(ZSTD(1))
