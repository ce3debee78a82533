-- The spans of a transaction; $OF are its id and those of traces that belong to it (linked.sql).
SELECT $SPAN_LINE
FROM spans
PREWHERE $WITHIN
ORDER BY spans.time
LIMIT %(limit)s
