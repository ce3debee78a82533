-- Also the records that have nothing but an x-request-id which a row of this transaction names (request_ids).
-- One row a record_id: what came twice is taken once, and the end of a request stands for its start and what was said
-- meanwhile. Of two ends the one that knows the transaction is the fuller record. Rows older than record_id have 0.
WITH toFixedString(unhex(%(id)s), 16) AS id
SELECT $ACCESS_LOG_LINE
FROM (
  SELECT * FROM access_logs
  WHERE transaction_id = id OR transaction_id GLOBAL IN (SELECT request_transaction_id FROM request_ids WHERE transaction_id = id)
  ORDER BY kind = 'start', kind = 'interim', transaction_id != id, duration DESC
  LIMIT 1 BY record_id, if(record_id = 0, sipHash64(time, span_id, upstream_span_id, stream_id, log_type), 0)
)
ORDER BY time
LIMIT %(limit)s
