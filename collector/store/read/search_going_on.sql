-- The transactions that begin in the window and go on after its end.
SELECT lower(hex(transaction_id))
FROM transaction_times
WHERE quarter_hour BETWEEN intDiv(%(since)s, 900000000000) AND intDiv(%(later)s, 900000000000)
  AND first_time <= fromUnixTimestamp64Nano(%(later)s)
GROUP BY transaction_id
HAVING max(last_time) > fromUnixTimestamp64Nano(%(until)s) AND min(first_time) <= fromUnixTimestamp64Nano(%(until)s)
LIMIT %(limit)s
