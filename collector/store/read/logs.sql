-- As spans.sql.
SELECT $LOG_LINE
FROM logs
PREWHERE $WITHIN
ORDER BY logs.time
LIMIT %(limit)s
