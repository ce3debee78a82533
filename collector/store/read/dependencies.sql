-- Edges of the calls that began in the window. A caller's half may be older than its call: by an hour here.
-- What several rows say of one call (a span, the proxy's record of it) is one call.
SELECT caller, callee, count(), countIf(call_failed), quantilesDD(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(call_duration)
FROM (
  SELECT any(callers.service) AS caller, callees.service AS callee, max(callees.failed) AS call_failed,
         max(callees.duration) AS call_duration
  FROM (
    SELECT transaction_id, toString(service) AS service, arrayJoin(ids) AS id
    FROM half_edges
    WHERE hour >= toStartOfHour(fromUnixTimestamp(%(since)s)) - 3600 AND hour <= fromUnixTimestamp(%(until)s) + 600
  ) AS callers
  INNER JOIN (
    SELECT transaction_id, toString(service) AS service, call.1 AS parent_span_id, call.2 AS span_id, call.3 AS duration,
           call.4 AS failed
    FROM half_edges
    ARRAY JOIN arrayZip(calls.parent_span_id, calls.span_id, calls.duration, calls.failed) AS call, calls.time AS began
    WHERE hour >= toStartOfHour(fromUnixTimestamp(%(since)s)) AND hour <= fromUnixTimestamp(%(until)s)
      AND began >= fromUnixTimestamp(%(since)s) AND began < fromUnixTimestamp(%(until)s)
  ) AS callees
  ON callers.transaction_id = callees.transaction_id AND callers.id = callees.parent_span_id
  WHERE callers.service != callees.service
  GROUP BY callees.transaction_id, callees.span_id, callees.service
)
GROUP BY caller, callee
ORDER BY caller, callee
LIMIT 100000
