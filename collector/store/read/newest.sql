-- The transactions of one page, newest first, by their times alone: all else is read of these only. $CONDITION is put together by
-- where.py out of fixed pieces and placeholders. A row that begins hours before another one of its transaction is not seen here: the page
-- looks once more, at whole transactions, and some are asked for in excess of it.
SELECT transaction_id
FROM transactions
WHERE day BETWEEN toDate(fromUnixTimestamp64Nano(%(since)s)) AND toDate(fromUnixTimestamp64Nano(%(until)s)) + 1
  AND first_time BETWEEN fromUnixTimestamp64Nano(%(since)s) - INTERVAL 1 HOUR AND fromUnixTimestamp64Nano(%(until)s)
  AND transaction_id != toFixedString('', 16)
  AND $CONDITION
GROUP BY transaction_id
HAVING (toUnixTimestamp64Nano(min(first_time)) AS began) >= %(since)s AND began <= %(until)s
   AND (began < %(before)s OR (began = %(before)s AND transaction_id <= toFixedString(unhex(%(before_id)s), 16)))
ORDER BY began DESC, transaction_id DESC
LIMIT %(limit)s + 20
