SELECT node_id, argMax(service, proxy_stats.time), argMax(target, proxy_stats.time), stat, scope, worker, sum(increase),
       argMax(value, proxy_stats.time), max(value), countIf(value > 0), count(), toInt64(toUnixTimestamp64Milli(min(proxy_stats.since))) * 1000000,
       toInt64(toUnixTimestamp64Milli(max(proxy_stats.time))) * 1000000
FROM proxy_stats
WHERE proxy_stats.time >= fromUnixTimestamp64Milli(intDiv(%(since)s, 1000000))
  AND proxy_stats.time < fromUnixTimestamp64Milli(intDiv(%(until)s, 1000000))
  AND proxy_stats.since >= fromUnixTimestamp64Milli(intDiv(%(since)s, 1000000))
GROUP BY node_id, stat, scope, worker
ORDER BY node_id, stat, scope, worker
LIMIT 1000000
