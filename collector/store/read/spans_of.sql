-- The spans of several traces, at most %(limit)s of each.
SELECT $SPAN_LINE
FROM spans
PREWHERE $WITHIN
ORDER BY transaction_id, spans.time
LIMIT %(limit)s BY transaction_id
