-- %(proxies)s inbound proxies' records a transaction, of the first calls in its tree (spans.sql): they trace nothing themselves.
INSERT INTO access_logs (transaction_id, time, duration, trace_id, span_id, parent_span_id, upstream_span_id, service,
  proxy_role, node_id, log_type, method, authority, path, protocol, response_code, response_flags, response_code_details,
  upstream_cluster, upstream_host, upstream_attempts, request_id, stream_id, bytes_received, bytes_sent, record_id, resource)
WITH
  intDiv(number, %(proxies)s) AS tx, toUInt32(number %% %(proxies)s) AS j,
  if(j = 0, 0, j + 2) AS i, toUInt32(intDiv(i - 1, 2)) AS above,
  sipHash64(tx, 'route') %% 400 AS route, toUInt32(floor(log2(i + 1))) AS level,
  if(i = 0, route %% 12, (i * 2654435761 + route * 40503) %% %(services)s) AS service_number,
  concat(['checkout', 'cart', 'payment', 'stock', 'user', 'search', 'price', 'ship', 'mail', 'review'][1 + service_number %% 10], '-', toString(service_number)) AS service_name,
  sipHash64(tx, i) AS noise, sipHash64(noise) AS more,
  toUInt64(exp(16.5 + ((sipHash64(tx, 'slow') %% 100) / 100 - 0.5) * 3 + (noise %% 1000) / 4000)) AS whole,
  more %% 250 = 0 AS failed,
  if(i = 0, toFixedString('', 8), reinterpretAsFixedString(sipHash64(tx, above, 'span'))) AS arrived,
  sipHash128(tx, 'transaction') AS id,
  lower(hex(sipHash128(tx, 'request'))) AS request
SELECT
  id,
  fromUnixTimestamp64Nano(toInt64(%(start)s + tx * %(spacing)s + (noise %% 800000) + whole * level * 0.05) - 100000),
  toUInt64(whole * pow(0.72, level)) + 200000,
  id, toFixedString('', 8), arrived, arrived, service_name, 'sidecar-inbound',
  concat('sidecar~10.0.', toString(service_number), '.', toString(tx %% 3), '~', service_name, '.shop~shop.svc.cluster.local'),
  'DownstreamEnd', ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'][1 + route %% 6], concat(service_name, '.shop.svc:8080'),
  concat('/api/v1/orders/', toString(more %% 10000000), '?page=', toString(more %% 9)), 'HTTP/1.1', if(failed, 503, 200),
  if(failed, ['UF', 'UO', 'UT', 'URX,UF'][1 + more %% 4], ''), if(failed, 'upstream_reset_before_response_started{connection_failure}', 'via_upstream'),
  concat('inbound|8080||', service_name), '127.0.0.6:8080', 1,
  concat(substring(request, 1, 8), '-', substring(request, 9, 4), '-4', substring(request, 14, 3), '-8', substring(request, 18, 3), '-', substring(request, 21, 12)),
  '', more %% 5000, noise %% 50000, sipHash64(tx, i, 'record'), map('service.name', service_name, 'weftline.proxy.role', 'sidecar-inbound')
FROM numbers(%(first)s * %(proxies)s, (%(last)s - %(first)s) * %(proxies)s)
