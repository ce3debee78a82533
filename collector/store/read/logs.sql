-- As spans.sql.
SELECT $LOG_LINE
FROM logs
WHERE $WITHIN
ORDER BY logs.time
LIMIT %(limit)s
