-- The records of a transaction; $OF are its id and those under which records lie that have nothing but an x-request-id which a
-- row of it names (linked.sql).
-- One row a record_id: what came twice is taken once, and the end of a request stands for its start and what was said
-- meanwhile. Of two ends the one that knows the transaction is the fuller record. Rows older than record_id have 0.
SELECT $ACCESS_LOG_LINE
FROM (
  SELECT * FROM access_logs
  PREWHERE $WITHIN
  ORDER BY kind = 'start', kind = 'interim', transaction_id != unhex(%(id)s), duration DESC
  LIMIT 1 BY record_id, if(record_id = 0, sipHash64(time, span_id, upstream_span_id, stream_id, log_type), 0)
)
ORDER BY time
LIMIT %(limit)s
