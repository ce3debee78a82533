-- Envoy's access logs. transaction_id is that of x-transaction-id, else the trace id.
-- kind is what a row stands for, from Envoy's own word for it: counters of requests take 'end' only.
-- end: a request is over. attempt: one try to ask the upstream (router.upstream_log). connection: a TCP or UDP session is over.
-- start, interim: said while a request or connection still goes on. A log format without the word has end records only.
-- record_id is the same for every record of one request (attempt, connection) at one proxy, whatever way it came and
-- whether it was said at the start, meanwhile or at the end: what reads or counts takes one row a record_id.
-- Times count from the first byte received from downstream, 0 where Envoy has none.
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
  kind Enum8('end' = 1, 'attempt' = 2, 'start' = 3, 'interim' = 4, 'connection' = 5)
DEFAULT multiIf(
  startsWith(log_type, 'Upstream'), 'attempt',
  log_type IN ('TcpConnectionEnd', 'UdpSessionEnd'), 'connection',
  log_type IN ('DownstreamStart', 'TcpConnectionStart', 'TcpUpstreamConnected', 'UdpTunnelUpstreamConnected',
               'DownstreamTunnelSuccessfullyEstablished'), 'start',
  log_type IN ('DownstreamPeriodic', 'TcpPeriodic', 'UdpPeriodic'), 'interim',
  'end'),
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
  attributes Map(LowCardinality(String), String) COMMENT 'what has no column of its own' CODEC(ZSTD(1)),
  record_id UInt64 CODEC(NONE),
  listener_direction LowCardinality(String) COMMENT 'inbound, outbound or empty' CODEC(ZSTD(1)),
  connection_id UInt64 COMMENT 'of the proxy, since its start' CODEC(T64, ZSTD(1)),
  upstream_connection_id UInt64 CODEC(T64, ZSTD(1)),
  downstream_remote_address String CODEC(ZSTD(1)),
  downstream_local_address LowCardinality(String) CODEC(ZSTD(1)),
  upstream_local_address String CODEC(ZSTD(1)),
  upstream_hosts_attempted Array(LowCardinality(String)) CODEC(ZSTD(1)),
  time_to_last_rx_byte UInt64 COMMENT 'ns: the request was whole' CODEC(T64, ZSTD(1)),
  time_to_first_upstream_tx_byte UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  time_to_last_upstream_tx_byte UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  time_to_first_upstream_rx_byte UInt64 COMMENT 'ns: the upstream began to answer' CODEC(T64, ZSTD(1)),
  time_to_last_upstream_rx_byte UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  time_to_first_downstream_tx_byte UInt64 COMMENT 'ns' CODEC(T64, ZSTD(1)),
  connection_pool_ready_duration UInt64 COMMENT 'ns: waited for a connection to the upstream' CODEC(T64, ZSTD(1)),
  downstream_wire_bytes_received UInt64 CODEC(T64, ZSTD(1)),
  downstream_wire_bytes_sent UInt64 CODEC(T64, ZSTD(1)),
  upstream_wire_bytes_received UInt64 CODEC(T64, ZSTD(1)),
  upstream_wire_bytes_sent UInt64 CODEC(T64, ZSTD(1)),
  requested_server_name LowCardinality(String) COMMENT 'SNI' CODEC(ZSTD(1)),
  downstream_tls_version LowCardinality(String) CODEC(ZSTD(1)),
  downstream_peer_subject LowCardinality(String) CODEC(ZSTD(1)),
  downstream_peer_uri_san LowCardinality(String) COMMENT 'SPIFFE identity of the caller' CODEC(ZSTD(1)),
  downstream_local_uri_san LowCardinality(String) CODEC(ZSTD(1)),
  upstream_peer_uri_san LowCardinality(String) COMMENT 'SPIFFE identity of the upstream' CODEC(ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (intDiv(toUnixTimestamp64Nano(time), 900000000000), transaction_id, time)
SETTINGS min_bytes_for_wide_part = 1073741824, min_rows_for_wide_part = 100000000,
         non_replicated_deduplication_window = 10000;

-- Envoy writes `-` for nothing. A traceparent is 00-<32 hex>-<16 hex>-<2 hex>; the span id starts at character 37.
-- The duration in microseconds ends with the last byte sent downstream; where the client left before, milliseconds are all.
-- Where no upstream was reached the traceparent logged is still the caller's, also when one attempt is counted (UH).
-- Of an attempt's log (access_log_type UpstreamEnd) Envoy knows no trace id, but the traceparent is the one that this attempt
-- sent, so its span id is always upstream_span_id; upstream_attempts is the attempt's number, 0 where the proxy doesn't
-- count; the duration ends with the last byte received from upstream.
-- A record that has neither transaction nor trace (Istio's default format, DownstreamStart, TCP) belongs to the transaction
-- that its x-request-id makes by itself: the UUID with index 14 (which Envoy rewrites) as 0, else its MD5; readers of a
-- transaction that is known to have this x-request-id take those rows in (request_ids). With no id at all (a listener's own
-- log, a request that broke the protocol) the connection's addresses and its time make one.
-- record_id is made of what every format has: request or stream id, both addresses of the connection, the start in
-- milliseconds; of an attempt also its span id. Only where the addresses are missing the proxy's names stand in.
-- Envoy's OTLP and file formats order flags as they were set, gRPC's has no order: they are sorted.
CREATE MATERIALIZED VIEW IF NOT EXISTS access_logs_from_otlp_logs TO access_logs AS
WITH
  (key -> if(otlp_logs.attributes[key] = '-', '', otlp_logs.attributes[key])) AS field,
  (key -> toUInt64OrZero(field(key))) AS number,
  (text -> if(match(text, '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-'), unhex(substring(text, 37, 16)), '')) AS span_id_of,
  (text -> if(match(text, '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-'), unhex(substring(text, 4, 32)), '')) AS trace_id_of,
  (id -> if(match(id, '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'),
            unhex(replaceAll(concat(substring(lower(id), 1, 14), '0', substring(lower(id), 16)), '-', '')),
            if(id = '', '', toString(MD5(id))))) AS transaction_of,
  field('transaction_id') AS transaction,
  field('access_log_type') AS type,
  startsWith(type, 'Upstream') AS attempt,
  toUInt16OrZero(field('upstream_request_attempt_count')) AS attempts,
  if(attempt AND otlp_logs.trace_id = toFixedString('', 16),
     toFixedString(trace_id_of(field('upstream_traceparent')), 16), otlp_logs.trace_id) AS trace,
  toFixedString(if(attempt OR (attempts > 0 AND field('upstream_traceparent') != field('parent_traceparent')),
                   span_id_of(field('upstream_traceparent')), ''), 8) AS sent_span_id,
  field('downstream_remote_address') AS remote_address,
  field('downstream_local_address') AS local_address,
  multiIf(field('request_id') != '', field('request_id'), field('stream_id') != '', field('stream_id'), remote_address = '', '',
          concat(remote_address, ' ', local_address, ' ', toString(toUnixTimestamp64Milli(time)))) AS own_id,
  toFixedString(transaction_of(own_id), 16) AS request_transaction_id
SELECT
  tenant,
  multiIf(match(transaction, '^[0-9a-f]{32}$'), toFixedString(unhex(transaction), 16),
          trace != toFixedString('', 16), trace, request_transaction_id) AS transaction_id,
  time,
  if(field('duration_us') != '', number('duration_us') * 1000, number('duration_ms') * 1000000) AS duration,
  trace AS trace_id,
  span_id,
  toFixedString(span_id_of(field('parent_traceparent')), 8) AS parent_span_id,
  sent_span_id AS upstream_span_id,
  service,
  otlp_logs.resource['weftline.proxy.role'] AS proxy_role,
  otlp_logs.resource['node_name'] AS node_id,
  -- A listener's own log does not say that it is the end of a connection.
  if(type IN ('NotSet', '') AND field('protocol') = '' AND field('response_code') IN ('0', ''), 'TcpConnectionEnd', type) AS log_type,
  field('method') AS method,
  field('authority') AS authority,
  field('path') AS path,
  field('protocol') AS protocol,
  toUInt16OrZero(field('response_code')) AS response_code,
  arrayStringConcat(arraySort(splitByChar(',', field('response_flags'))), ',') AS response_flags,
  field('response_code_details') AS response_code_details,
  field('upstream_transport_failure_reason') AS upstream_transport_failure_reason,
  field('connection_termination_details') AS connection_termination_details,
  field('upstream_cluster') AS upstream_cluster,
  field('upstream_host') AS upstream_host,
  attempts AS upstream_attempts,
  field('route_name') AS route_name,
  field('request_id') AS request_id,
  field('stream_id') AS stream_id,
  number('bytes_received') AS bytes_received,
  number('bytes_sent') AS bytes_sent,
  field('grpc_status') AS grpc_status,
  mapFilter((k, v) -> v != '', otlp_logs.resource) AS resource,
  mapFilter((k, v) -> v NOT IN ('-', '') AND k NOT IN (
    'access_log_type', 'transaction_id', 'parent_traceparent', 'upstream_traceparent', 'duration_us', 'duration_ms', 'method', 'authority',
    'path', 'protocol', 'response_code', 'response_flags', 'response_code_details', 'upstream_transport_failure_reason',
    'connection_termination_details', 'upstream_cluster', 'upstream_host', 'upstream_request_attempt_count', 'route_name',
    'request_id', 'stream_id', 'bytes_received', 'bytes_sent', 'grpc_status', 'listener_direction', 'connection_id',
    'upstream_connection_id', 'downstream_remote_address', 'downstream_local_address', 'upstream_local_address',
    'upstream_hosts_attempted', 'request_duration_us', 'first_upstream_tx_us', 'last_upstream_tx_us', 'response_duration_us',
    'last_upstream_rx_us', 'first_downstream_tx_us', 'upstream_connection_pool_ready_duration_ms',
    'upstream_connection_pool_ready_duration_us', 'downstream_wire_bytes_received',
    'downstream_wire_bytes_sent', 'upstream_wire_bytes_received', 'upstream_wire_bytes_sent', 'requested_server_name',
    'downstream_tls_version', 'downstream_peer_subject', 'downstream_peer_uri_san', 'downstream_local_uri_san',
    'upstream_peer_uri_san'), otlp_logs.attributes) AS attributes,
  sipHash64(
    request_transaction_id, remote_address, local_address, toUnixTimestamp64Milli(time),
    if(attempt, (hex(sent_span_id), attempts, field('upstream_host')), ('', 0, '')),
    if(remote_address = '' AND local_address = '',
       (toString(service), otlp_logs.resource['weftline.proxy.role'], otlp_logs.resource['node_name'], hex(span_id), field('connection_id'), field('path')),
       ('', '', '', '', '', ''))) AS record_id,
  multiIf(field('listener_direction') IN ('1', 'INBOUND'), 'inbound', field('listener_direction') IN ('2', 'OUTBOUND'), 'outbound',
          otlp_logs.resource['weftline.proxy.role'] = 'sidecar-inbound' OR startsWith(field('upstream_cluster'), 'inbound|'), 'inbound',
          otlp_logs.resource['weftline.proxy.role'] = 'sidecar-outbound' OR startsWith(field('upstream_cluster'), 'outbound|'), 'outbound',
          '') AS listener_direction,
  number('connection_id') AS connection_id,
  number('upstream_connection_id') AS upstream_connection_id,
  remote_address AS downstream_remote_address,
  local_address AS downstream_local_address,
  field('upstream_local_address') AS upstream_local_address,
  arrayFilter(host -> host != '', splitByChar(',', field('upstream_hosts_attempted'))) AS upstream_hosts_attempted,
  number('request_duration_us') * 1000 AS time_to_last_rx_byte,
  number('first_upstream_tx_us') * 1000 AS time_to_first_upstream_tx_byte,
  number('last_upstream_tx_us') * 1000 AS time_to_last_upstream_tx_byte,
  number('response_duration_us') * 1000 AS time_to_first_upstream_rx_byte,
  number('last_upstream_rx_us') * 1000 AS time_to_last_upstream_rx_byte,
  number('first_downstream_tx_us') * 1000 AS time_to_first_downstream_tx_byte,
  if(field('upstream_connection_pool_ready_duration_us') != '', number('upstream_connection_pool_ready_duration_us') * 1000,
     number('upstream_connection_pool_ready_duration_ms') * 1000000) AS connection_pool_ready_duration,
  number('downstream_wire_bytes_received') AS downstream_wire_bytes_received,
  number('downstream_wire_bytes_sent') AS downstream_wire_bytes_sent,
  number('upstream_wire_bytes_received') AS upstream_wire_bytes_received,
  number('upstream_wire_bytes_sent') AS upstream_wire_bytes_sent,
  field('requested_server_name') AS requested_server_name,
  field('downstream_tls_version') AS downstream_tls_version,
  field('downstream_peer_subject') AS downstream_peer_subject,
  field('downstream_peer_uri_san') AS downstream_peer_uri_san,
  field('downstream_local_uri_san') AS downstream_local_uri_san,
  field('upstream_peer_uri_san') AS upstream_peer_uri_san
FROM otlp_logs
WHERE mapContains(otlp_logs.attributes, 'access_log_type')
