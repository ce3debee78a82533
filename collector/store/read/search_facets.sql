-- What the newest %(limit)s of the transactions found have in common: counts by value, and a histogram of their durations.
-- Roots without their query strings, in which every request differs.
WITH found AS (
  SELECT toUnixTimestamp64Nano(min(first_time)) AS start, toUnixTimestamp64Nano(max(last_time)) - start AS duration,
         groupUniqArrayArray(services) AS services, groupUniqArrayArray(response_flags) AS response_flags,
         argMinMerge(root) AS root, argMinMerge(response_code) AS response_code,
         uniqMerge(access_log_records) AS access_logs, sum(transactions.errors) + uniqMerge(access_log_errors) AS errors
  FROM transactions
  PREWHERE day BETWEEN toDate(fromUnixTimestamp64Nano(%(since)s)) AND toDate(fromUnixTimestamp64Nano(%(until)s)) + 1
    AND transaction_id GLOBAL IN ($NEWEST)
  GROUP BY transaction_id
  HAVING start >= %(since)s AND start <= %(until)s
  ORDER BY start DESC
  LIMIT %(limit)s
)
SELECT 'found' AS facet, '' AS value, count() AS transactions FROM found
UNION ALL
SELECT * FROM (SELECT 'service', arrayJoin(services) AS value, count() AS n FROM found GROUP BY value ORDER BY n DESC, value LIMIT 20)
UNION ALL
SELECT * FROM (SELECT 'flags', arrayJoin(response_flags) AS value, count() AS n FROM found GROUP BY value ORDER BY n DESC, value LIMIT 20)
UNION ALL
SELECT * FROM (SELECT 'root', cutQueryString(root) AS value, count() AS n FROM found WHERE root != '' GROUP BY value ORDER BY n DESC, value LIMIT 20)
UNION ALL
SELECT * FROM (SELECT 'response_code', toString(response_code) AS value, count() AS n FROM found WHERE access_logs > 0 GROUP BY value ORDER BY n DESC, value LIMIT 20)
UNION ALL
SELECT * FROM (SELECT 'status', if(errors > 0, 'error', 'unset') AS value, count() AS n FROM found GROUP BY value ORDER BY n DESC, value)
UNION ALL
SELECT * FROM (SELECT 'duration', toString(toUInt64(exp2(ceil(log2(greatest(duration, 1)))))) AS value, count() AS n FROM found GROUP BY value)
