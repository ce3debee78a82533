-- What the newest %(limit)s of the transactions found have in common: counts by value, and a histogram of their durations.
-- Roots without their query strings, in which every request differs. Each transaction is gone through once, as all its values.
SELECT (arrayJoin(arrayConcat(
         [('found', '')],
         arrayMap(one -> ('service', one), services),
         arrayMap(one -> ('flags', one), response_flags),
         if(root != '', [('root', cutQueryString(root))], []),
         if(access_logs > 0, [('response_code', toString(response_code))], []),
         [('status', if(errors > 0, 'error', 'unset')),
          ('duration', toString(toUInt64(exp2(ceil(log2(greatest(duration, 1)))))))])) AS it).1 AS facet,
       it.2 AS value, count() AS n
FROM (
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
GROUP BY facet, value
ORDER BY n DESC, value
LIMIT 20 BY facet, if(facet = 'duration', value, '')
