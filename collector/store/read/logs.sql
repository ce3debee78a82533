WITH toFixedString(unhex(%(id)s), 16) AS id
SELECT $LOG_LINE
FROM logs
WHERE transaction_id = id
   OR transaction_id GLOBAL IN (SELECT trace_id FROM access_logs WHERE transaction_id = id AND trace_id != toFixedString('', 16))
ORDER BY logs.time
LIMIT %(limit)s
