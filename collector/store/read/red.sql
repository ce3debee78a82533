WITH
  CAST(%(services)s AS Array(String)) AS services, CAST(%(operations)s AS Array(String)) AS operations,
  CAST(%(kinds)s AS Array(String)) AS kinds
SELECT if(%(step)s = 0, %(since)s, intDiv(toInt64(toUnixTimestamp(minute)), greatest(%(step)s, 1)) * %(step)s) * 1000000000 AS start,
       toString(service) AS of_service, if(%(by_operation)s, toString(name), '') AS operation, toString(kind) AS of_kind, sum(calls), sum(errors),
       quantilesDDMerge(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(duration)
FROM span_metrics
WHERE minute >= toStartOfMinute(fromUnixTimestamp(%(since)s)) AND minute < fromUnixTimestamp(%(until)s)
  AND (empty(services) OR has(services, toString(service)))
  AND (empty(operations) OR has(operations, toString(name)))
  AND (empty(kinds) OR has(kinds, toString(kind)))
GROUP BY start, of_service, operation, of_kind
ORDER BY start, of_service, operation, of_kind
LIMIT 100000
