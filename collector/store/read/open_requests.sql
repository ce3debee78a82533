-- Requests that one proxy's service was working on at one moment, by the clock of that proxy: the innermost, and how many.
SELECT lower(hex(transaction_id)), method, path, count() OVER () AS open
FROM access_logs
WHERE kind = 'end' AND (proxy_role = 'sidecar-inbound' OR (proxy_role = '' AND listener_direction = 'inbound')) AND service = %(service)s AND node_id = %(node_id)s
  AND intDiv(toUnixTimestamp64Nano(access_logs.time), 900000000000) BETWEEN intDiv(%(time)s - 600000000000, 900000000000) AND intDiv(%(time)s, 900000000000)
  AND access_logs.time <= fromUnixTimestamp64Nano(%(time)s)
  AND access_logs.time >= fromUnixTimestamp64Nano(%(time)s) - INTERVAL 10 MINUTE
  AND toUnixTimestamp64Nano(access_logs.time) + toInt64(duration) >= %(time)s
ORDER BY access_logs.time DESC
LIMIT 1
