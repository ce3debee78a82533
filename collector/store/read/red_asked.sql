-- Which rows of span_metrics a RedFilter asks for.
minute >= toStartOfMinute(fromUnixTimestamp(%(since)s)) AND minute < fromUnixTimestamp(%(until)s)
  AND (empty(services) OR has(services, toString(service)))
  AND (empty(operations) OR has(operations, toString(name)))
  AND (empty(kinds) OR has(kinds, toString(kind)))
