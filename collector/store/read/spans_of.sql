-- The spans of several traces, at most %(limit)s of each.
SELECT $SPAN_LINE
FROM spans
WHERE transaction_id IN (SELECT arrayJoin(arrayMap(id -> toFixedString(unhex(id), 16), %(ids)s)))
ORDER BY transaction_id, spans.time
LIMIT %(limit)s BY transaction_id
