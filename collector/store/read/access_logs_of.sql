-- The records of several transactions, at most %(limit)s of each: those that name the transaction themselves. See access_logs.sql.
SELECT $ACCESS_LOG_LINE
FROM (
  SELECT * FROM access_logs
  PREWHERE $WITHIN
  ORDER BY kind = 'start', kind = 'interim', duration DESC
  LIMIT 1 BY transaction_id, record_id, if(record_id = 0, sipHash64(time, span_id, upstream_span_id, stream_id, log_type), 0)
)
ORDER BY transaction_id, time
LIMIT %(limit)s BY transaction_id
