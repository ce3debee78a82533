-- Also the spans of traces that began behind a service that passed on x-transaction-id only: its access logs know them.
WITH toFixedString(unhex(%(id)s), 16) AS id
SELECT $SPAN_LINE
FROM spans
WHERE transaction_id = id
   OR transaction_id GLOBAL IN (SELECT trace_id FROM access_logs WHERE transaction_id = id AND trace_id != toFixedString('', 16))
ORDER BY spans.time
LIMIT %(limit)s
