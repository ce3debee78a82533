-- The transactions of one page, newest first, by their times alone: all else is read of these only. $CONDITION is put together by
-- where.py out of fixed pieces and placeholders. What began more than an hour before the window and is silent in that hour seems to begin
-- here: readers of whole transactions see that it doesn't, and some are asked for in excess of a page.
SELECT transaction_id
FROM transaction_times
WHERE quarter_hour BETWEEN intDiv(%(since)s, 900000000000) - 4 AND intDiv(%(until)s, 900000000000)
  AND first_time BETWEEN fromUnixTimestamp64Nano(%(since)s) - INTERVAL 1 HOUR AND fromUnixTimestamp64Nano(%(until)s)
  AND $CONDITION
GROUP BY transaction_id
HAVING (toUnixTimestamp64Nano(min(first_time)) AS began) >= %(since)s AND began <= %(until)s
   AND (began < %(before)s OR (began = %(before)s AND transaction_id <= toFixedString(unhex(%(before_id)s), 16)))
ORDER BY began DESC, transaction_id DESC
LIMIT %(limit)s + %(excess)s
