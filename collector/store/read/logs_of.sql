-- The log lines of several transactions, at most %(limit)s of each.
SELECT $LOG_LINE
FROM logs
PREWHERE $WITHIN
ORDER BY transaction_id, logs.time
LIMIT %(limit)s BY transaction_id
