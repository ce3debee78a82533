-- What a list of traces shows of each span.
SELECT lower(hex(transaction_id)), lower(hex(span_id)), lower(hex(parent_span_id)), toUnixTimestamp64Nano(time), duration,
       service, name, status = 'error'
FROM spans
PREWHERE $WITHIN
ORDER BY transaction_id, spans.time
LIMIT %(limit)s BY transaction_id
