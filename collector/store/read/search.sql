-- The transactions that newest.sql has chosen for a page of a search, newest first: whole, so that their beginnings are true.
-- A transaction has a row a day and unmerged ones; its rows of neighbouring days belong to it. PREWHERE: left to itself ClickHouse reads
-- all columns of a granule before it looks for the ids.
SELECT lower(hex(transaction_id)), toUnixTimestamp64Nano(min(first_time)) AS start,
       toUnixTimestamp64Nano(max(last_time)) - start AS duration, argMinMerge(root), argMinMerge(response_code),
       arraySort(groupUniqArrayArray(response_flags)), arraySort(groupUniqArrayArray(services)),
       sum(spans), sum(logs), uniqMerge(access_log_records), sum(errors) + uniqMerge(access_log_errors)
FROM transactions
PREWHERE day BETWEEN toDate(fromUnixTimestamp64Nano(%(since)s)) AND toDate(fromUnixTimestamp64Nano(%(until)s)) + 1
  AND transaction_id GLOBAL IN ($NEWEST)
GROUP BY transaction_id
ORDER BY start DESC, transaction_id DESC
