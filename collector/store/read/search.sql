-- One page of a search, newest first. $CONDITION is put together by where.py out of fixed pieces and placeholders.
-- A transaction has a row a day and unmerged ones; its rows of neighbouring days belong to it. Which ones the page has is
-- decided by their times alone: all else is read of these only.
SELECT lower(hex(transaction_id)), toUnixTimestamp64Nano(min(first_time)) AS start,
       toUnixTimestamp64Nano(max(last_time)) - start AS duration, argMinMerge(root), argMinMerge(response_code),
       arraySort(groupUniqArrayArray(response_flags)), arraySort(groupUniqArrayArray(services)),
       sum(spans), sum(logs), uniqMerge(access_log_records), sum(errors) + uniqMerge(access_log_errors)
FROM transactions
WHERE day BETWEEN toDate(fromUnixTimestamp64Nano(%(since)s)) AND toDate(fromUnixTimestamp64Nano(%(until)s)) + 1
  AND transaction_id GLOBAL IN (
    SELECT transaction_id
    FROM transactions
    WHERE day BETWEEN toDate(fromUnixTimestamp64Nano(%(since)s)) AND toDate(fromUnixTimestamp64Nano(%(until)s)) + 1
      AND transaction_id != toFixedString('', 16)
      AND $CONDITION
    GROUP BY transaction_id
    HAVING (toUnixTimestamp64Nano(min(first_time)) AS began) >= %(since)s AND began <= %(until)s
       AND (began < %(before)s OR (began = %(before)s AND transaction_id < toFixedString(unhex(%(before_id)s), 16)))
    ORDER BY began DESC, transaction_id DESC
    LIMIT %(limit)s
  )
GROUP BY transaction_id
ORDER BY start DESC, transaction_id DESC
