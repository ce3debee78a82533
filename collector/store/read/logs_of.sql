-- The log lines of several transactions, at most %(limit)s of each.
SELECT $LOG_LINE
FROM logs
WHERE transaction_id IN (SELECT arrayJoin(arrayMap(id -> toFixedString(unhex(id), 16), CAST(%(ids)s AS Array(String)))))
ORDER BY transaction_id, logs.time
LIMIT %(limit)s BY transaction_id
