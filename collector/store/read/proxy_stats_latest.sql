SELECT toUnixTimestamp64Milli(max(proxy_stats.time)), toUnixTimestamp64Milli(argMax(proxy_stats.since, proxy_stats.time)), node_id,
       argMax(service, proxy_stats.time), argMax(target, proxy_stats.time), stat, scope, worker, argMax(value, proxy_stats.time),
       argMax(increase, proxy_stats.time)
FROM proxy_stats
WHERE proxy_stats.time >= fromUnixTimestamp64Milli(%(since)s)
GROUP BY node_id, stat, scope, worker
LIMIT 1000000
