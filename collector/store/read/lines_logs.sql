-- The first of a transaction's log lines that pass a LineFilter (store/line_filter.py). Severity as query/timeline/lines.py has it.
WITH
  CAST(%(services)s AS Array(String)) AS services,
  multiIf(severity_number > 0, severity_number,
          upper(severity_text) IN ('ERROR', 'CRITICAL', 'FATAL', 'ALERT', 'EMERGENCY'), 17,
          lower(severity_text) LIKE 'trace%%', 1, lower(severity_text) LIKE 'debug%%', 5, lower(severity_text) LIKE 'info%%', 9,
          lower(severity_text) LIKE 'warn%%', 13, lower(severity_text) LIKE 'error%%', 17, lower(severity_text) LIKE 'fatal%%', 21,
          0) AS severity
SELECT $LOG_LINE
FROM logs
PREWHERE $WITHIN
WHERE logs.time BETWEEN fromUnixTimestamp64Nano(%(since)s) AND fromUnixTimestamp64Nano(%(until)s)
  AND (empty(services) OR has(services, toString(service)))
  AND severity >= %(level)s
  AND (%(text)s = '' OR positionCaseInsensitiveUTF8(if(body != '', body, toString(event_name)), %(text)s) > 0)
ORDER BY logs.time, span_id, service, body
LIMIT %(limit)s
