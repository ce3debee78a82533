-- The transactions that begin in the window and go on after its end.
SELECT lower(hex(transaction_id))
FROM transactions
PREWHERE day BETWEEN toDate(fromUnixTimestamp64Nano(%(since)s)) AND toDate(fromUnixTimestamp64Nano(%(later)s)) + 1
  AND last_time >= fromUnixTimestamp64Nano(%(since)s) AND first_time <= fromUnixTimestamp64Nano(%(later)s)
WHERE transaction_id != toFixedString('', 16)
GROUP BY transaction_id
HAVING max(last_time) > fromUnixTimestamp64Nano(%(until)s) AND min(first_time) <= fromUnixTimestamp64Nano(%(until)s)
LIMIT %(limit)s
