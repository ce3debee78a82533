-- What proxies recorded of the requests and connections of the window, by proxy and upstream cluster. What came twice counts
-- once (record_id; above 65,536 of a kind their number is off by about 1 %). Who answered is told by ids: a service that says it
-- was called by a span id that the proxy sent upstream, looked for with a few requests of each.
WITH
  toFixedString('', 8) AS no_span,
  fromUnixTimestamp64Nano(%(since)s) AS since,
  fromUnixTimestamp64Nano(%(until)s) AS until
SELECT caller, role, cluster, any(all_calls), any(all_errors), any(all_retried), any(all_flags), any(all_durations),
       anyIf(callee, callee NOT IN ('', caller)) AS answering
FROM (
  SELECT transaction_id, toString(service) AS callee, arrayJoin(`calls.parent_span_id`) AS parent_span_id
  FROM half_edges
  WHERE hour >= toStartOfHour(since) AND hour <= until + INTERVAL 10 MINUTE
) AS callees
RIGHT JOIN (
  SELECT caller, role, cluster, sum(number) AS all_calls, sumIf(number, failed) AS all_errors, sumIf(number, retried) AS all_retried,
         groupArrayIf((flags, number), flags != '') AS all_flags,
         quantilesDDMerge(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(duration_state) AS all_durations,
         arrayJoin(if(empty(groupArrayArray(100)(some) AS sent), [(toFixedString('', 16), no_span)], sent)) AS one
  FROM (
    SELECT toString(service) AS caller, toString(proxy_role) AS role, toString(upstream_cluster) AS cluster,
           response_code >= 500 OR (kind = 'end' AND response_code = 0 AND method != '') AS failed,
           upstream_attempts > 1 AS retried,
           toString(response_flags) AS flags,
           uniq(if(record_id = 0, sipHash64(access_logs.time, span_id, upstream_span_id, stream_id, log_type), record_id)) AS number,
           quantilesDDState(0.01, 0.5, 0.75, 0.9, 0.95, 0.99)(duration) AS duration_state,
           groupArrayIf(3)((transaction_id, upstream_span_id), upstream_span_id != no_span AND proxy_role != 'sidecar-inbound') AS some
    FROM access_logs
    WHERE $FROM_TO AND kind IN ('end', 'connection') AND service != '' AND access_logs.time >= since AND access_logs.time < until
    GROUP BY caller, role, cluster, failed, retried, flags
  )
  GROUP BY caller, role, cluster
) AS proxied
ON callees.transaction_id = proxied.one.1 AND callees.parent_span_id = proxied.one.2
GROUP BY caller, role, cluster
ORDER BY caller, role, cluster
LIMIT 10000
