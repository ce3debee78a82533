-- Also the records that have nothing but an x-request-id which a row of this transaction names (request_ids).
-- One row a record_id: what came twice is taken once, and the end of a request stands for its start and what was said
-- meanwhile. Of two ends the one that knows the transaction is the fuller record. Rows older than record_id have 0.
WITH toFixedString(unhex(%(id)s), 16) AS id
SELECT lower(hex(transaction_id)), lower(hex(trace_id)), lower(hex(span_id)), lower(hex(parent_span_id)),
       lower(hex(upstream_span_id)), toUnixTimestamp64Nano(time), duration, service, proxy_role, node_id, log_type, method,
       authority, path, protocol, response_code, response_flags, response_code_details,
       upstream_transport_failure_reason, connection_termination_details, upstream_cluster, upstream_host,
       upstream_attempts, route_name, request_id, stream_id, bytes_received, bytes_sent, grpc_status, resource, attributes,
       toString(kind), toString(record_id), listener_direction, connection_id, upstream_connection_id, downstream_remote_address,
       downstream_local_address, upstream_local_address, upstream_hosts_attempted, time_to_last_rx_byte,
       time_to_first_upstream_tx_byte, time_to_last_upstream_tx_byte, time_to_first_upstream_rx_byte,
       time_to_last_upstream_rx_byte, time_to_first_downstream_tx_byte, connection_pool_ready_duration,
       downstream_wire_bytes_received, downstream_wire_bytes_sent, upstream_wire_bytes_received, upstream_wire_bytes_sent,
       requested_server_name, downstream_tls_version, downstream_peer_subject, downstream_peer_uri_san,
       downstream_local_uri_san, upstream_peer_uri_san
FROM (
  SELECT * FROM access_logs
  WHERE transaction_id = id OR transaction_id GLOBAL IN (SELECT request_transaction_id FROM request_ids WHERE transaction_id = id)
  ORDER BY kind = 'start', kind = 'interim', transaction_id != id, duration DESC
  LIMIT 1 BY record_id, if(record_id = 0, sipHash64(time, span_id, upstream_span_id, stream_id, log_type), 0)
)
ORDER BY time
LIMIT %(limit)s
