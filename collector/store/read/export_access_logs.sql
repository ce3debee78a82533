-- Access logs as the log records that their view (schema/*_access_logs_by_request_id.sql) makes the same rows of.
WITH
  (span -> if(span = toFixedString('', 8), '',
              concat('00-', lower(hex(if(trace_id = toFixedString('', 16), access_logs.transaction_id, trace_id))), '-', lower(hex(span)), '-'))) AS traceparent,
  (number -> if(number = 0, '', toString(number))) AS text,
  (ns -> if(ns = 0, '', toString(intDiv(ns, 1000)))) AS us
SELECT toUnixTimestamp64Nano(access_logs.time), lower(hex(trace_id)), lower(hex(span_id)), 0, '', '', '', '', resource,
  mapUpdate(access_logs.attributes, mapUpdate(mapFilter((k, v) -> v != '', map(
    'transaction_id', lower(hex(access_logs.transaction_id)),
    -- Equal ones would mean that no attempt was made: the flags tell them apart.
    'parent_traceparent', if(parent_span_id = toFixedString('', 8), '', concat(traceparent(parent_span_id), '01')),
    'upstream_traceparent', if(upstream_span_id = toFixedString('', 8), '', concat(traceparent(upstream_span_id), '00')),
    'duration_us', toString(intDiv(duration, 1000)),
    'method', toString(method), 'authority', toString(authority), 'path', path, 'protocol', toString(protocol),
    'response_code', toString(response_code), 'response_flags', toString(response_flags),
    'response_code_details', toString(response_code_details),
    'upstream_transport_failure_reason', toString(upstream_transport_failure_reason),
    'connection_termination_details', toString(connection_termination_details),
    'upstream_cluster', toString(upstream_cluster), 'upstream_host', toString(upstream_host),
    'upstream_request_attempt_count', text(upstream_attempts), 'route_name', toString(route_name),
    'request_id', request_id, 'stream_id', stream_id,
    'bytes_received', text(bytes_received), 'bytes_sent', text(bytes_sent), 'grpc_status', toString(grpc_status),
    'listener_direction', upper(toString(listener_direction)),
    'connection_id', text(connection_id), 'upstream_connection_id', text(upstream_connection_id),
    'downstream_remote_address', downstream_remote_address, 'downstream_local_address', toString(downstream_local_address),
    'upstream_local_address', upstream_local_address,
    'upstream_hosts_attempted', arrayStringConcat(arrayMap(it -> toString(it), upstream_hosts_attempted), ','),
    'request_duration_us', us(time_to_last_rx_byte), 'first_upstream_tx_us', us(time_to_first_upstream_tx_byte),
    'last_upstream_tx_us', us(time_to_last_upstream_tx_byte), 'response_duration_us', us(time_to_first_upstream_rx_byte),
    'last_upstream_rx_us', us(time_to_last_upstream_rx_byte), 'first_downstream_tx_us', us(time_to_first_downstream_tx_byte),
    'upstream_connection_pool_ready_duration_us', us(connection_pool_ready_duration),
    'downstream_wire_bytes_received', text(downstream_wire_bytes_received),
    'downstream_wire_bytes_sent', text(downstream_wire_bytes_sent),
    'upstream_wire_bytes_received', text(upstream_wire_bytes_received),
    'upstream_wire_bytes_sent', text(upstream_wire_bytes_sent),
    'requested_server_name', toString(requested_server_name), 'downstream_tls_version', toString(downstream_tls_version),
    'downstream_peer_subject', toString(downstream_peer_subject), 'downstream_peer_uri_san', toString(downstream_peer_uri_san),
    'downstream_local_uri_san', toString(downstream_local_uri_san), 'upstream_peer_uri_san', toString(upstream_peer_uri_san)
  )), map('access_log_type', toString(log_type)))::Map(LowCardinality(String), String))
FROM access_logs
WHERE toDate(access_logs.time) = toDate(%(day)s)
  AND access_logs.time >= fromUnixTimestamp64Nano(%(since)s) AND access_logs.time < fromUnixTimestamp64Nano(%(until)s) AND $SELECTED
ORDER BY intDiv(toUnixTimestamp64Nano(access_logs.time), 900000000000), transaction_id, access_logs.time
