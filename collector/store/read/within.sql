-- Where the rows of the transactions $OF lie: spans, logs and access_logs are ordered by quarter hour (UTC) and transaction, and a
-- transaction is in few of those that there are. Each row of `transactions` is about rows of one day, which has 96.
(intDiv(toUnixTimestamp64Nano(time), 900000000000), transaction_id) GLOBAL IN (
  SELECT arrayJoin(range(first, least(last, first + 96) + 1)), transaction_id
  FROM (
    SELECT transaction_id, intDiv(toUnixTimestamp64Nano(first_time), 900000000000) AS first,
           intDiv(toUnixTimestamp64Nano(last_time), 900000000000) AS last
    FROM transactions
    WHERE transaction_id $OF
  )
)
