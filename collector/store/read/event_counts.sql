WITH
  CAST(%(kinds)s AS Array(String)) AS kinds, CAST(%(services)s AS Array(String)) AS services,
  CAST(%(routes)s AS Array(String)) AS routes, CAST(%(clusters)s AS Array(String)) AS clusters
SELECT intDiv(toUnixTimestamp64Nano(time), %(interval)s) * %(interval)s AS start, event_kind, event_service, sum(times)
FROM (
  SELECT min(events.time) AS time, id, any(toString(kind)) AS event_kind, any(toString(service)) AS event_service, any(count) AS times
  FROM events
  WHERE events.time >= fromUnixTimestamp64Nano(%(since)s) AND events.time < fromUnixTimestamp64Nano(%(until)s)
    AND stored >= fromUnixTimestamp64Milli(%(stored_since)s)
    AND (empty(kinds) OR has(kinds, toString(kind)))
    AND (empty(services) OR has(services, toString(service)))
    AND (empty(routes) OR has(routes, toString(route_name)))
    AND (empty(clusters) OR has(clusters, toString(upstream_cluster)))
  GROUP BY id
)
GROUP BY start, event_kind, event_service
ORDER BY start, event_kind, event_service
LIMIT 100000
