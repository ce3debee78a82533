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
  stored DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'for those who follow: rows may arrive late' CODEC(Delta, ZSTD(1)),
  tenant LowCardinality(String) COMMENT 'whose row it is' CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (time, id, tenant)
SETTINGS non_replicated_deduplication_window = 10000;

-- The same record by whatever way it came (record_id) makes the same events.
-- Flags and details to kinds as store/event_kinds.py has them; a test compares both for every one of them.
CREATE MATERIALIZED VIEW IF NOT EXISTS events_from_access_logs TO events AS
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

-- Ejected hosts: no access log says it, a counter of the proxy does.
CREATE MATERIALIZED VIEW IF NOT EXISTS events_from_proxy_stats TO events AS
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
