-- As 0031, 0034 and 0035, with the tenant.
ALTER TABLE events_from_access_logs MODIFY QUERY
WITH
  (flag -> transform(flag,
    ['DC', 'DF', 'DI', 'DO', 'DPE', 'DR', 'DT', 'FI', 'IH', 'LH', 'LR', 'NC', 'NFCF', 'NR', 'OM', 'RL', 'RLSE', 'SI', 'UAEX', 'UC',
     'UDO', 'UF', 'UH', 'UMSDR', 'UO', 'UPE', 'UR', 'URX', 'UT'],
    ['client_abort', 'upstream_connect_failure', 'fault_injection', 'overload', 'protocol_error', 'client_abort', 'timeout',
     'fault_injection', 'protocol_error', 'proxy_unready', 'upstream_reset', 'no_route', 'proxy_unready', 'no_route', 'overload',
     'rate_limit', 'rate_limit', 'timeout', 'authorization_denial', 'upstream_reset', 'overload', 'upstream_connect_failure',
     'no_healthy_upstream', 'timeout', 'circuit_breaking', 'protocol_error', 'upstream_reset', 'retry_exhaustion', 'timeout'],
    '')) AS kind_of_flag,
  arrayMap(flag -> trim(BOTH ' ' FROM flag), splitByChar(',', toString(access_logs.response_flags))) AS flags,
  extract(if(match(toString(access_logs.response_code_details), '^(rbac_access_denied|jwt_authn_access_denied|ext_authz_denied|ext_authz_error|max_duration_timeout|request_overall_timeout|request_header_timeout|reached_concurrency_limit|denied_by_admission_control)'),
             toString(access_logs.response_code_details), toString(connection_termination_details)),
          '^(rbac_access_denied|jwt_authn_access_denied|ext_authz_denied|ext_authz_error|max_duration_timeout|request_overall_timeout|request_header_timeout|reached_concurrency_limit|denied_by_admission_control)') AS detail,
  transform(detail,
    ['rbac_access_denied', 'jwt_authn_access_denied', 'ext_authz_denied', 'ext_authz_error', 'max_duration_timeout',
     'request_overall_timeout', 'request_header_timeout', 'reached_concurrency_limit', 'denied_by_admission_control'],
    ['authorization_denial', 'authorization_denial', 'authorization_denial', 'authorization_denial', 'timeout', 'timeout', 'timeout',
     'overload', 'overload'],
    '') AS kind_of_detail,
  arrayMap(flag -> kind_of_flag(flag), flags) AS kinds_of_flags
SELECT
  access_logs.tenant AS tenant,
  fromUnixTimestamp64Nano(toUnixTimestamp64Nano(access_logs.time) + toInt64(access_logs.duration), 'UTC') AS time,
  sipHash64(record_id, event) AS id,
  event AS kind,
  multiIf(has(kinds_of_flags, event), arrayStringConcat(arrayFilter(flag -> kind_of_flag(flag) = event, flags), ','),
          event = kind_of_detail, detail, '') AS reason,
  transaction_id, span_id, request_id, service, proxy_role, node_id, route_name, upstream_cluster, upstream_host, method, authority, path,
  response_code, response_flags, response_code_details, upstream_transport_failure_reason, upstream_attempts, duration
FROM access_logs
ARRAY JOIN arrayDistinct(arrayFilter(it -> it != '', arrayConcat(
  kinds_of_flags, [kind_of_detail],
  [if(upstream_attempts > 1 AND NOT has(flags, 'URX'), 'retry', '')]))) AS event
WHERE access_logs.kind IN ('end', 'connection');

ALTER TABLE proxy_records_from_access_logs MODIFY QUERY
SELECT
  access_logs.tenant AS tenant,
  toDateTime(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(access_logs.time) + toInt64(access_logs.duration), 'UTC'), 'UTC') AS second,
  node_id,
  count() AS records
FROM access_logs
WHERE access_logs.kind = 'end' AND node_id != ''
GROUP BY second, node_id, tenant;

ALTER TABLE events_from_proxy_stats MODIFY QUERY
SELECT
  tenant,
  toDateTime64(proxy_stats.time, 9, 'UTC') AS time,
  sipHash64(node_id, scope, proxy_stats.time, 'outlier_ejection') AS id,
  'outlier_ejection' AS kind,
  service,
  node_id,
  scope AS upstream_cluster,
  toUInt32(increase) AS count
FROM proxy_stats
WHERE stat = 'cluster_outlier_detection_ejections_enforced_total' AND increase > 0
