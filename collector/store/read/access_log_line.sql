-- As span_line.sql.
formatRow('JSONCompactEachRow',
       lower(hex(transaction_id)), lower(hex(trace_id)), lower(hex(span_id)), lower(hex(parent_span_id)),
       lower(hex(upstream_span_id)), toUnixTimestamp64Nano(time), duration, service, proxy_role, node_id, log_type, method,
       authority, path, protocol, response_code, response_flags, response_code_details,
       upstream_transport_failure_reason, connection_termination_details, upstream_cluster, upstream_host,
       upstream_attempts, route_name, request_id, stream_id, bytes_received, bytes_sent, grpc_status, resource, attributes,
       kind, record_id, listener_direction, connection_id, upstream_connection_id, downstream_remote_address,
       downstream_local_address, upstream_local_address, upstream_hosts_attempted, time_to_last_rx_byte,
       time_to_first_upstream_tx_byte, time_to_last_upstream_tx_byte, time_to_first_upstream_rx_byte,
       time_to_last_upstream_rx_byte, time_to_first_downstream_tx_byte, connection_pool_ready_duration,
       downstream_wire_bytes_received, downstream_wire_bytes_sent, upstream_wire_bytes_received, upstream_wire_bytes_sent,
       requested_server_name, downstream_tls_version, downstream_peer_subject, downstream_peer_uri_san,
       downstream_local_uri_san, upstream_peer_uri_san) AS line
