WITH
  CAST(%(kinds)s AS Array(String)) AS kinds, CAST(%(services)s AS Array(String)) AS services,
  CAST(%(routes)s AS Array(String)) AS routes, CAST(%(clusters)s AS Array(String)) AS clusters
SELECT toUnixTimestamp64Nano(events.time) AS at, lower(hex(events.id)) AS hex_id, kind, reason, lower(hex(transaction_id)),
       lower(hex(span_id)), request_id, service, proxy_role, node_id, route_name, upstream_cluster, upstream_host, method, authority, path,
       response_code, response_flags, response_code_details, upstream_transport_failure_reason, upstream_attempts, duration, count
FROM events
WHERE events.time >= fromUnixTimestamp64Nano(%(since)s) AND events.time < fromUnixTimestamp64Nano(%(until)s)
  AND stored >= fromUnixTimestamp64Milli(%(stored_since)s)
  AND (events.time, events.id) < (fromUnixTimestamp64Nano(%(before_time)s), %(before_id)s)
  AND (empty(kinds) OR has(kinds, toString(kind)))
  AND (empty(services) OR has(services, toString(service)))
  AND (empty(routes) OR has(routes, toString(route_name)))
  AND (empty(clusters) OR has(clusters, toString(upstream_cluster)))
ORDER BY events.time DESC, events.id DESC
LIMIT 1 BY events.id
LIMIT %(limit)s
