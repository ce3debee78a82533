-- As lines_logs.sql, of its proxies' records, each once (access_logs.sql), which are all of attempts or none. Failed and said as query/timeline/outcome.py and lines.py have it.
WITH
  CAST(%(services)s AS Array(String)) AS services,
  response_code >= 500 OR (response_code = 0 AND kind = 'end') OR grpc_status IN ('2', '4', '12', '13', '14', '15')
    OR arrayExists(flag -> trimBoth(flag) NOT IN ('', '-', 'DI', 'RFCF'), splitByChar(',', toString(response_flags)))
    OR arrayExists(detail -> startsWith(toString(response_code_details), detail)
                             OR startsWith(toString(connection_termination_details), detail),
                   CAST(%(details)s AS Array(String))) AS failed,
  arrayStringConcat(arrayFilter(part -> part != '', [toString(method), concat(toString(authority), path)]), ' ') AS request,
  if(kind = 'attempt',
     replaceAll(concat('attempt ', if(upstream_attempts = 0, '', toString(upstream_attempts)), ' ', request), '  ', ' '),
     request) AS asked,
  concat(if(asked = '', 'connection', asked), ' → ', toString(response_code),
         if(response_flags = '', '', concat(' ', response_flags)), if(upstream_host = '', '', concat(' to ', upstream_host))) AS said
SELECT $ACCESS_LOG_LINE
FROM (
  SELECT * FROM access_logs
  PREWHERE $WITHIN
  WHERE time BETWEEN fromUnixTimestamp64Nano(%(about_since)s) AND fromUnixTimestamp64Nano(%(about_until)s)
    AND ((kind = 'attempt' AND %(attempts)s) OR (kind != 'attempt' AND %(requests)s))
  ORDER BY kind = 'start', kind = 'interim', transaction_id != unhex(%(id)s), duration DESC
  LIMIT 1 BY record_id, if(record_id = 0, sipHash64(time, span_id, upstream_span_id, stream_id, log_type), 0)
)
WHERE time BETWEEN fromUnixTimestamp64Nano(%(since)s) AND fromUnixTimestamp64Nano(%(until)s)
  AND (empty(services) OR has(services, toString(service)))
  AND if(failed, 17, 9) >= %(level)s
  AND (%(text)s = '' OR positionCaseInsensitiveUTF8(said, %(text)s) > 0)
ORDER BY time, span_id, service, record_id, upstream_span_id
LIMIT %(limit)s
