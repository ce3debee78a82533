-- What stays of a day: rows of transactions that failed or were slow, whichever of both is still kept.
INSERT INTO $STAGED ($COLUMNS)
SELECT $COLUMNS
FROM $TABLE
WHERE _partition_value.1 = toDate('$DAY') AND transaction_id IN (
  SELECT transaction_id
  FROM transactions
  WHERE day BETWEEN toDate('$DAY') - 1 AND toDate('$DAY') + 1
  GROUP BY transaction_id
  HAVING (%(failed)s AND sum(errors) + uniqMerge(access_log_errors) > 0)
      OR (%(slow)s AND toUnixTimestamp64Nano(max(last_time)) - toUnixTimestamp64Nano(min(first_time)) >= %(slow_ns)s)
)
