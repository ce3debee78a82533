-- The transaction that the views behind this door give a record to (schema/*_access_logs_by_request_id.sql), so that it
-- goes to the shard of that transaction; a test holds both against each other.
cityHash64(multiIf(
  NOT mapContains(attributes, 'access_log_type'), trace_id,
  match(attributes['transaction_id'], '^[0-9a-f]{32}$'), toFixedString(unhex(substring(attributes['transaction_id'], 1, 32)), 16),
  trace_id != toFixedString('', 16), trace_id,
  startsWith(attributes['access_log_type'], 'Upstream')
    AND match(attributes['upstream_traceparent'], '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-')
    AND substring(attributes['upstream_traceparent'], 4, 32) != '00000000000000000000000000000000',
    toFixedString(unhex(substring(attributes['upstream_traceparent'], 4, 32)), 16),
  toFixedString(arrayMap(own -> multiIf(
      match(own, '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'),
      substring(unhex(replaceAll(concat(substring(lower(own), 1, 14), '0', substring(lower(own), 16)), '-', '')), 1, 16),
      own = '', '',
      toString(MD5(own))),
    [multiIf(
      attributes['request_id'] NOT IN ('', '-'), attributes['request_id'],
      attributes['stream_id'] NOT IN ('', '-'), attributes['stream_id'],
      attributes['downstream_remote_address'] IN ('', '-'), '',
      concat(attributes['downstream_remote_address'], ' ',
             if(attributes['downstream_local_address'] = '-', '', attributes['downstream_local_address']), ' ',
             toString(toUnixTimestamp64Milli(time))))])[1], 16)))
