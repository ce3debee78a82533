-- Log records out of Envoy's gRPC access logs (envoy_als.proto; messages framed as field 1 are one Envelope).
-- An entry becomes the log record that Envoy's OpenTelemetry logger would have sent for it, with the same attributes
-- (weftline.agent.semconv), so that one view makes the same row of either. What the protocol has no field for comes as a
-- custom tag; a tag named like a field wins. Where no tag can be set (Istio's envoyHttpAls) logged headers do.
INSERT INTO otlp_logs (tenant, time, trace_id, span_id, service, scope_name, resource, attributes)
WITH
$LAMBDAS,
  (a -> multiIf(
      a.socket_address.address != '',
      concat(if(position(a.socket_address.address, ':') > 0, concat('[', a.socket_address.address, ']'), a.socket_address.address),
             ':', toString(a.socket_address.port_value)),
      a.pipe.path != '', a.pipe.path,
      a.envoy_internal_address.server_listener_name != '', concat('envoy://', a.envoy_internal_address.server_listener_name, '/'),
      '')) AS address_text,
  (t -> t.seconds * 1000000000 + t.nanos) AS ns,
  (t -> if(ns(t) = 0, '', toString(intDiv(ns(t), 1000)))) AS us_text,
  (n -> if(n = 0, '', toString(n))) AS number_text,
  ((code, texts) -> if(code BETWEEN 1 AND length(texts), texts[code], '')) AS name_of,
  (pairs -> CAST(arrayMap(pair -> (pair.key, pair.value), pairs) AS Map(LowCardinality(String), String))) AS pairs_map,
  ((prefix, pairs) -> CAST(arrayMap(pair -> (concat(prefix, lower(pair.key)),
      if(is_credential(concat(prefix, lower(pair.key))), '[not stored]', pair.value)), pairs) AS Map(LowCardinality(String), String))) AS headers_map,
  -- These headers say what a field says, so they are not kept a second time.
  (pairs -> arrayFilter(pair -> lower(pair.key) NOT IN ('x-transaction-id', 'x-request-id', 'traceparent', 'grpc-status'), pairs)) AS other_headers,
  (leaf -> multiIf(isNotNull(leaf.string_value), toJSONString(assumeNotNull(leaf.string_value)),
                   isNotNull(leaf.bool_value), if(assumeNotNull(leaf.bool_value), 'true', 'false'),
                   isNotNull(leaf.number_value), toString(assumeNotNull(leaf.number_value)), 'null')) AS struct_leaf,
  (v -> multiIf(
      isNotNull(v.string_value), assumeNotNull(v.string_value),
      isNotNull(v.bool_value), if(assumeNotNull(v.bool_value), 'true', 'false'),
      isNotNull(v.number_value), toString(assumeNotNull(v.number_value)),
      notEmpty(v.list_value.values), concat('[', arrayStringConcat(arrayMap(leaf -> struct_leaf(leaf), v.list_value.values), ','), ']'),
      notEmpty(v.struct_value.fields), concat('{', arrayStringConcat(
          arrayMap(pair -> concat(toJSONString(pair.key), ':', struct_leaf(pair.value)), v.struct_value.fields), ','), '}'),
      '')) AS struct_value_text,
  -- What filters found out. Who a token says the caller is stays with the proxy, unless a tag asks for it.
  (metadata -> CAST(arrayFlatten(arrayMap(filter -> arrayMap(field ->
      (concat('metadata.', filter.key, '.', field.key), struct_value_text(field.value)), filter.value.fields),
      arrayFilter(filter -> filter.key != 'envoy.filters.http.jwt_authn', metadata.filter_metadata))) AS Map(LowCardinality(String), String))) AS metadata_map,
  -- Strings, whose one field has a length of one byte or two; other objects are only their filter's to read.
  (objects -> CAST(arrayMap(object -> (concat('filter_state.', object.key),
      substring(object.value.value, if(reinterpretAsUInt8(substring(object.value.value, 2, 1)) < 128, 3, 4))),
      arrayFilter(object -> endsWith(object.value.type_url, '/google.protobuf.StringValue'), objects)) AS Map(LowCardinality(String), String))) AS filter_state_map,
  ((tags, name, other) -> if(tags[name] IN ('', '-'), other, tags[name])) AS tag_or,
  (traceparent -> if(match(traceparent, '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-'), substring(traceparent, 4, 32), '')) AS trace_id_of,
  entry.1 AS c, entry.3 AS q, entry.4 AS r,
  pairs_map(c.custom_tags) AS tags,
  pairs_map(q.request_headers) AS request_headers,
  pairs_map(r.response_headers) AS response_headers,
  pairs_map(r.response_trailers) AS response_trailers,
  c.tls_properties AS tls,
  -- Of an attempt only what Envoy's formats say of it too (semconv.ATTEMPT_LOG_FIELDS): the rest is the request's.
  c.access_log_type IN (7, 8, 9) AS attempt,
  tag_or(tags, 'trace_id', trace_id_of(request_headers['traceparent'])) AS trace
SELECT
  {tenant:String},
  fromUnixTimestamp64Nano(ns(c.start_time)),
  toFixedString(if(match(trace, '^[0-9a-fA-F]{32}$'), unhex(trace), ''), 16),
  toFixedString(if(match(tags['span_id'], '^[0-9a-fA-F]{16}$'), unhex(tags['span_id']), ''), 8),
  resource['service.name'], '',
  mapFilter((k, v) -> v != '', map(
    'service.name', tag_or(tags, 'service.name', node.cluster), 'weftline.proxy.role', tags['weftline.proxy.role'],
    'node_name', node.id, 'cluster_name', node.cluster, 'zone_name', node.locality.zone, 'log_name', log_name))::Map(LowCardinality(String), String) AS resource,
  mapConcat(mapFilter((k, v) -> v != '', mapUpdate(map(
    'access_log_type', if(c.access_log_type = 0, 'NotSet', name_of(c.access_log_type, ['TcpUpstreamConnected', 'TcpPeriodic', 'TcpConnectionEnd', 'DownstreamStart',
      'DownstreamPeriodic', 'DownstreamEnd', 'UpstreamPoolReady', 'UpstreamPeriodic', 'UpstreamEnd',
      'DownstreamTunnelSuccessfullyEstablished', 'UdpTunnelUpstreamConnected', 'UdpPeriodic', 'UdpSessionEnd', 'TcpConnectionStart'])),
    'transaction_id', request_headers['x-transaction-id'],
    'upstream_traceparent', request_headers['traceparent'],
    'request_id', if(q.request_id != '', q.request_id, request_headers['x-request-id']),
    'stream_id', if(attempt, '', c.stream_id),
    'method', name_of(q.request_method, ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']),
    'path', without_secrets(if(q.original_path != '', q.original_path, q.path)),
    'authority', q.authority,
    'protocol', if(attempt, '', name_of(entry.2, ['HTTP/1.0', 'HTTP/1.1', 'HTTP/2', 'HTTP/3'])),
    'response_code', toString(r.response_code.value),
    'response_code_details', if(attempt, '', replaceRegexpAll(r.response_code_details, '\\s', '_')),
    'response_flags', arrayStringConcat(arrayMap(f -> f.2, arrayFilter(f -> f.1, [
      (c.response_flags.failed_local_healthcheck, 'LH'), (c.response_flags.no_healthy_upstream, 'UH'), (c.response_flags.upstream_request_timeout, 'UT'),
      (c.response_flags.local_reset, 'LR'), (c.response_flags.upstream_remote_reset, 'UR'), (c.response_flags.upstream_connection_failure, 'UF'),
      (c.response_flags.upstream_connection_termination, 'UC'), (c.response_flags.upstream_overflow, 'UO'), (c.response_flags.no_route_found, 'NR'),
      (c.response_flags.delay_injected, 'DI'), (c.response_flags.fault_injected, 'FI'), (c.response_flags.rate_limited, 'RL'),
      (c.response_flags.rate_limit_service_error, 'RLSE'), (c.response_flags.downstream_connection_termination, 'DC'), (c.response_flags.upstream_retry_limit_exceeded, 'URX'),
      (c.response_flags.stream_idle_timeout, 'SI'), (c.response_flags.invalid_envoy_request_headers, 'IH'), (c.response_flags.downstream_protocol_error, 'DPE'),
      (c.response_flags.upstream_max_stream_duration_reached, 'UMSDR'), (c.response_flags.response_from_cache_filter, 'RFCF'), (c.response_flags.no_filter_config_found, 'NFCF'),
      (c.response_flags.duration_timeout, 'DT'), (c.response_flags.upstream_protocol_error, 'UPE'), (c.response_flags.no_cluster_found, 'NC'),
      (c.response_flags.overload_manager, 'OM'), (c.response_flags.dns_resolution_failure, 'DF'), (c.response_flags.downstream_remote_reset, 'DR'),
      (c.response_flags.unauthorized_details.reason != 0, 'UAEX')])), ','),
    'connection_termination_details', c.connection_termination_details,
    'upstream_transport_failure_reason', replaceRegexpAll(c.upstream_transport_failure_reason, '\\s', '_'),
    'upstream_host', address_text(c.upstream_remote_address),
    'upstream_cluster', c.upstream_cluster,
    'upstream_request_attempt_count', toString(c.upstream_request_attempt_count),
    'route_name', c.route_name,
    'duration_ms', toString(intDiv(ns(c.duration), 1000000)),
    'duration_us', us_text(c.time_to_last_downstream_tx_byte),
    'request_duration_us', us_text(c.time_to_last_rx_byte),
    'first_upstream_tx_us', us_text(c.time_to_first_upstream_tx_byte),
    'last_upstream_tx_us', us_text(c.time_to_last_upstream_tx_byte),
    'response_duration_us', us_text(c.time_to_first_upstream_rx_byte),
    'last_upstream_rx_us', us_text(c.time_to_last_upstream_rx_byte),
    'first_downstream_tx_us', us_text(c.time_to_first_downstream_tx_byte),
    'bytes_received', toString(q.request_body_bytes + entry.5.received_bytes),
    'bytes_sent', toString(r.response_body_bytes + entry.5.sent_bytes),
    'downstream_wire_bytes_received', if(attempt, '', number_text(c.downstream_wire_bytes_received)),
    'downstream_wire_bytes_sent', if(attempt, '', number_text(c.downstream_wire_bytes_sent)),
    'upstream_wire_bytes_received', number_text(c.upstream_wire_bytes_received),
    'upstream_wire_bytes_sent', number_text(c.upstream_wire_bytes_sent),
    'grpc_status', if(response_trailers['grpc-status'] != '', response_trailers['grpc-status'], response_headers['grpc-status']),
    'downstream_remote_address', address_text(c.downstream_remote_address),
    'downstream_local_address', address_text(c.downstream_local_address),
    'upstream_local_address', address_text(c.upstream_local_address),
    'user_agent', q.user_agent,
    'requested_server_name', tls.tls_sni_hostname,
    'downstream_tls_version', name_of(tls.tls_version, ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']),
    'downstream_peer_subject', tls.peer_certificate_properties.subject,
    'downstream_peer_uri_san', arrayStringConcat(arrayFilter(uri -> uri != '', tls.peer_certificate_properties.subject_alt_name.uri), ','),
    'downstream_local_uri_san', arrayStringConcat(arrayFilter(uri -> uri != '', tls.local_certificate_properties.subject_alt_name.uri), ',')
  )::Map(LowCardinality(String), String),
  mapFilter((k, v) -> k NOT IN ('trace_id', 'span_id', 'service.name', 'weftline.proxy.role') AND v NOT IN ('', '-'), tags))),
    headers_map('http.request.header.', other_headers(q.request_headers)),
    headers_map('http.response.header.', other_headers(r.response_headers)),
    headers_map('http.response.trailer.', other_headers(r.response_trailers)),
    mapFilter((k, v) -> v != '' AND NOT mapContains(tags, k), mapConcat(metadata_map(c.metadata), filter_state_map(c.filter_state_objects))))
FROM (
  SELECT identifier.node AS node, identifier.log_name AS log_name, arrayJoin(arrayConcat(
    arrayMap(e -> (e.common_properties, e.protocol_version, e.request, e.response, defaultValueOfTypeName('Tuple(received_bytes UInt64, sent_bytes UInt64)')), http_logs.log_entry),
    arrayMap(e -> (e.common_properties, 0::Int32, defaultValueOfTypeName('Tuple(request_method Int32, scheme String, authority String, path String, user_agent String, referer String, forwarded_for String, request_id String, original_path String, request_headers_bytes UInt64, request_body_bytes UInt64, request_headers Array(Tuple(key LowCardinality(String), value String)))'), defaultValueOfTypeName('Tuple(response_code Tuple(value UInt32), response_headers_bytes UInt64, response_body_bytes UInt64, response_headers Array(Tuple(key LowCardinality(String), value String)), response_trailers Array(Tuple(key LowCardinality(String), value String)), response_code_details String)'), e.connection_properties), tcp_logs.log_entry))) AS entry
  FROM input('identifier Tuple(node Tuple(id String, cluster String, locality Tuple(zone String)), log_name String), http_logs Tuple(log_entry Array(Tuple(common_properties Tuple(downstream_remote_address Tuple(socket_address Tuple(address String, port_value UInt32), pipe Tuple(path String), envoy_internal_address Tuple(server_listener_name String)), downstream_local_address Tuple(socket_address Tuple(address String, port_value UInt32), pipe Tuple(path String), envoy_internal_address Tuple(server_listener_name String)), tls_properties Tuple(tls_version Int32, tls_cipher_suite Tuple(value UInt32), tls_sni_hostname String, local_certificate_properties Tuple(subject_alt_name Array(Tuple(uri String)), subject String), peer_certificate_properties Tuple(subject_alt_name Array(Tuple(uri String)), subject String)), start_time Tuple(seconds Int64, nanos Int32), time_to_last_rx_byte Tuple(seconds Int64, nanos Int32), time_to_first_upstream_tx_byte Tuple(seconds Int64, nanos Int32), time_to_last_upstream_tx_byte Tuple(seconds Int64, nanos Int32), time_to_first_upstream_rx_byte Tuple(seconds Int64, nanos Int32), time_to_last_upstream_rx_byte Tuple(seconds Int64, nanos Int32), time_to_first_downstream_tx_byte Tuple(seconds Int64, nanos Int32), time_to_last_downstream_tx_byte Tuple(seconds Int64, nanos Int32), upstream_remote_address Tuple(socket_address Tuple(address String, port_value UInt32), pipe Tuple(path String), envoy_internal_address Tuple(server_listener_name String)), upstream_local_address Tuple(socket_address Tuple(address String, port_value UInt32), pipe Tuple(path String), envoy_internal_address Tuple(server_listener_name String)), upstream_cluster String, response_flags Tuple(failed_local_healthcheck Bool, no_healthy_upstream Bool, upstream_request_timeout Bool, local_reset Bool, upstream_remote_reset Bool, upstream_connection_failure Bool, upstream_connection_termination Bool, upstream_overflow Bool, no_route_found Bool, delay_injected Bool, fault_injected Bool, rate_limited Bool, rate_limit_service_error Bool, downstream_connection_termination Bool, upstream_retry_limit_exceeded Bool, stream_idle_timeout Bool, invalid_envoy_request_headers Bool, downstream_protocol_error Bool, upstream_max_stream_duration_reached Bool, response_from_cache_filter Bool, no_filter_config_found Bool, duration_timeout Bool, upstream_protocol_error Bool, no_cluster_found Bool, overload_manager Bool, dns_resolution_failure Bool, downstream_remote_reset Bool, unauthorized_details Tuple(reason Int32)), upstream_transport_failure_reason String, route_name String, metadata Tuple(filter_metadata Array(Tuple(key String, value Tuple(fields Array(Tuple(key String, value Tuple(number_value Nullable(Float64), string_value Nullable(String), bool_value Nullable(Bool), struct_value Tuple(fields Array(Tuple(key String, value Tuple(number_value Nullable(Float64), string_value Nullable(String), bool_value Nullable(Bool))))), list_value Tuple(values Array(Tuple(number_value Nullable(Float64), string_value Nullable(String), bool_value Nullable(Bool))))))))))), filter_state_objects Array(Tuple(key String, value Tuple(type_url String, value String))), custom_tags Array(Tuple(key LowCardinality(String), value String)), duration Tuple(seconds Int64, nanos Int32), upstream_request_attempt_count UInt32, connection_termination_details String, stream_id String, downstream_wire_bytes_sent UInt64, downstream_wire_bytes_received UInt64, upstream_wire_bytes_sent UInt64, upstream_wire_bytes_received UInt64, access_log_type Int32), protocol_version Int32, request Tuple(request_method Int32, scheme String, authority String, path String, user_agent String, referer String, forwarded_for String, request_id String, original_path String, request_headers_bytes UInt64, request_body_bytes UInt64, request_headers Array(Tuple(key LowCardinality(String), value String))), response Tuple(response_code Tuple(value UInt32), response_headers_bytes UInt64, response_body_bytes UInt64, response_headers Array(Tuple(key LowCardinality(String), value String)), response_trailers Array(Tuple(key LowCardinality(String), value String)), response_code_details String)))), tcp_logs Tuple(log_entry Array(Tuple(common_properties Tuple(downstream_remote_address Tuple(socket_address Tuple(address String, port_value UInt32), pipe Tuple(path String), envoy_internal_address Tuple(server_listener_name String)), downstream_local_address Tuple(socket_address Tuple(address String, port_value UInt32), pipe Tuple(path String), envoy_internal_address Tuple(server_listener_name String)), tls_properties Tuple(tls_version Int32, tls_cipher_suite Tuple(value UInt32), tls_sni_hostname String, local_certificate_properties Tuple(subject_alt_name Array(Tuple(uri String)), subject String), peer_certificate_properties Tuple(subject_alt_name Array(Tuple(uri String)), subject String)), start_time Tuple(seconds Int64, nanos Int32), time_to_last_rx_byte Tuple(seconds Int64, nanos Int32), time_to_first_upstream_tx_byte Tuple(seconds Int64, nanos Int32), time_to_last_upstream_tx_byte Tuple(seconds Int64, nanos Int32), time_to_first_upstream_rx_byte Tuple(seconds Int64, nanos Int32), time_to_last_upstream_rx_byte Tuple(seconds Int64, nanos Int32), time_to_first_downstream_tx_byte Tuple(seconds Int64, nanos Int32), time_to_last_downstream_tx_byte Tuple(seconds Int64, nanos Int32), upstream_remote_address Tuple(socket_address Tuple(address String, port_value UInt32), pipe Tuple(path String), envoy_internal_address Tuple(server_listener_name String)), upstream_local_address Tuple(socket_address Tuple(address String, port_value UInt32), pipe Tuple(path String), envoy_internal_address Tuple(server_listener_name String)), upstream_cluster String, response_flags Tuple(failed_local_healthcheck Bool, no_healthy_upstream Bool, upstream_request_timeout Bool, local_reset Bool, upstream_remote_reset Bool, upstream_connection_failure Bool, upstream_connection_termination Bool, upstream_overflow Bool, no_route_found Bool, delay_injected Bool, fault_injected Bool, rate_limited Bool, rate_limit_service_error Bool, downstream_connection_termination Bool, upstream_retry_limit_exceeded Bool, stream_idle_timeout Bool, invalid_envoy_request_headers Bool, downstream_protocol_error Bool, upstream_max_stream_duration_reached Bool, response_from_cache_filter Bool, no_filter_config_found Bool, duration_timeout Bool, upstream_protocol_error Bool, no_cluster_found Bool, overload_manager Bool, dns_resolution_failure Bool, downstream_remote_reset Bool, unauthorized_details Tuple(reason Int32)), upstream_transport_failure_reason String, route_name String, metadata Tuple(filter_metadata Array(Tuple(key String, value Tuple(fields Array(Tuple(key String, value Tuple(number_value Nullable(Float64), string_value Nullable(String), bool_value Nullable(Bool), struct_value Tuple(fields Array(Tuple(key String, value Tuple(number_value Nullable(Float64), string_value Nullable(String), bool_value Nullable(Bool))))), list_value Tuple(values Array(Tuple(number_value Nullable(Float64), string_value Nullable(String), bool_value Nullable(Bool))))))))))), filter_state_objects Array(Tuple(key String, value Tuple(type_url String, value String))), custom_tags Array(Tuple(key LowCardinality(String), value String)), duration Tuple(seconds Int64, nanos Int32), upstream_request_attempt_count UInt32, connection_termination_details String, stream_id String, downstream_wire_bytes_sent UInt64, downstream_wire_bytes_received UInt64, upstream_wire_bytes_sent UInt64, upstream_wire_bytes_received UInt64, access_log_type Int32), connection_properties Tuple(received_bytes UInt64, sent_bytes UInt64))))')
)
FORMAT ProtobufList
