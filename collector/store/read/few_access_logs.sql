-- As few_spans.sql. Records that came twice are among them.
SELECT 'access_log' AS line_of, $ACCESS_LOG_LINE
FROM access_logs
PREWHERE $WITHIN
LIMIT %(most)s
