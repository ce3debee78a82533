-- A request is one span of each kind, though up to three tell of it: the application's, and those of the Envoys before and behind it,
-- which bear its name. Of each service, kind and minute those count that are nearest to the application: its own, else those of
-- the proxy that is there for this kind, else of one that isn't a sidecar. An outbound sidecar serves its own service, and an
-- inbound one calls it: those are no requests of others, and no calls to others.
WITH
  CAST(%(services)s AS Array(String)) AS services, CAST(%(operations)s AS Array(String)) AS operations,
  CAST(%(kinds)s AS Array(String)) AS kinds
SELECT if(%(step)s = 0, %(since)s, intDiv(toInt64(toUnixTimestamp(minute)), greatest(%(step)s, 1)) * %(step)s) * 1000000000 AS start,
       toString(service) AS of_service, if(%(by_operation)s, toString(name), '') AS operation, toString(kind) AS of_kind, sum(calls), sum(errors),
       quantilesDDMerge(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(duration)
FROM (
  SELECT minute, service, name, kind, calls, errors, duration FROM span_metrics WHERE $RED_ASKED AND proxy = ''
  UNION ALL
  SELECT minute, service, name, kind, calls, errors, duration FROM span_metrics
  WHERE $RED_ASKED AND proxy != '' AND (service, minute, kind, $RED_DISTANCE) GLOBAL IN (
    SELECT service, minute, kind, min($RED_DISTANCE) AS nearest FROM span_metrics
    WHERE $RED_ASKED
    GROUP BY service, minute, kind
    HAVING nearest BETWEEN 1 AND 8
  )
)
GROUP BY start, of_service, operation, of_kind
ORDER BY start, of_service, operation, of_kind
LIMIT 100000
