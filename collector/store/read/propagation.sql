-- By service and proxy: what came in, and what the calls it made carried of that. Header facts only: ids that arrived with a
-- call against ids that arrived with requests at the same proxy. x-request-ids are compared with index 14 masked. Of each
-- kind the newest calls are told. Where a proxy doesn't say its role, its listener's direction does.
WITH
  (id -> if(match(id, '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'),
            concat(substring(lower(id), 1, 14), '_', substring(lower(id), 16)), id)) AS key_of,
  toFixedString('', 16) AS no_trace,
  toFixedString('', 8) AS no_span,
  fromUnixTimestamp64Nano(%(since)s) AS since,
  fromUnixTimestamp64Nano(%(until)s) AS until,
  inbound AS (
    SELECT service, node_id, transaction_id, trace_id, key_of(request_id) AS request_key
    FROM access_logs
    WHERE kind = 'end' AND (proxy_role = 'sidecar-inbound' OR (proxy_role = '' AND listener_direction = 'inbound')) AND intDiv(toUnixTimestamp64Nano(access_logs.time), 900000000000) BETWEEN intDiv(%(since)s - 600000000000, 900000000000) AND intDiv(%(until)s, 900000000000)
      AND access_logs.time >= since - INTERVAL 10 MINUTE AND access_logs.time < until
  )
SELECT service, node_id, passed, count(),
       if(passed IN ('inbound', 'trace'), [], arrayMap(call -> (-call.1, lower(hex(call.2)), call.3, call.4, call.5, call.6),
          groupArraySorted(3)((-at, transaction_id, request_id, toString(method), path, toString(upstream_cluster)))))
FROM (
  SELECT service, node_id, multiIf(
      (service, node_id, transaction_id) GLOBAL IN (SELECT service, node_id, transaction_id FROM inbound WHERE transaction_id != no_trace),
        if(parent_span_id != no_span AND (trace_id = no_trace OR (service, node_id, trace_id) GLOBAL IN (SELECT service, node_id, trace_id FROM inbound)),
           'trace', 'transaction_id'),
      request_id != '' AND (service, node_id, key_of(request_id)) GLOBAL IN (SELECT service, node_id, request_key FROM inbound), 'request_id',
      parent_span_id != no_span, 'own_trace',
      'nothing') AS passed,
    toUnixTimestamp64Nano(access_logs.time) AS at, transaction_id, request_id, method, path, upstream_cluster
  FROM access_logs
  WHERE kind = 'end' AND (proxy_role = 'sidecar-outbound' OR (proxy_role = '' AND listener_direction = 'outbound')) AND $FROM_TO AND access_logs.time >= since AND access_logs.time < until
  UNION ALL
  SELECT service, node_id, 'inbound' AS passed, toInt64(0) AS at, transaction_id, '' AS request_id, '' AS method, '' AS path,
         '' AS upstream_cluster
  FROM access_logs
  WHERE kind = 'end' AND (proxy_role = 'sidecar-inbound' OR (proxy_role = '' AND listener_direction = 'inbound')) AND $FROM_TO AND access_logs.time >= since AND access_logs.time < until
)
GROUP BY service, node_id, passed
ORDER BY service, node_id, passed
LIMIT 100000
