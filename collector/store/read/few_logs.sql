-- As few_spans.sql.
SELECT 'log' AS line_of, $LOG_LINE
FROM logs
PREWHERE $WITHIN
LIMIT %(most)s
