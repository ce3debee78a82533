-- Spans of transactions %(first)s up to %(last)s: a binary tree of calls, %(per)s spans each; even levels serve, odd ones call.
-- A route decides services and names, so that the map of services looks like one; ids, times, attributes differ everywhere.
INSERT INTO spans (transaction_id, time, duration, span_id, parent_span_id, trace_state, flags, service, name, kind, status,
                   status_message, scope_name, scope_version, resource, attributes)
WITH
  intDiv(number, %(per)s) AS tx, toUInt32(number %% %(per)s) AS i,
  sipHash64(tx, 'route') %% 400 AS route,
  toUInt32(floor(log2(i + 1))) AS level,
  toUInt32(intDiv(i - 1, 2)) AS above,
  if(i = 0, 0, (if(level %% 2 = 0, i, above) * 2654435761 + route * 40503) %% %(services)s) AS hop,
  if(i = 0, route %% 12, hop) AS service_number,
  concat(['checkout', 'cart', 'payment', 'stock', 'user', 'search', 'price', 'ship', 'mail', 'review'][1 + service_number %% 10], '-', toString(service_number)) AS service_name,
  sipHash64(tx, i) AS noise, sipHash64(noise) AS more,
  sipHash64(tx, 'slow') %% 100 AS luck,
  toUInt64(exp(16.5 + (luck / 100 - 0.5) * 3 + (noise %% 1000) / 4000)) AS whole,
  toUInt64(whole * pow(0.72, level)) AS took,
  more %% 250 = 0 AS failed,
  ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'][1 + route %% 6] AS method,
  concat('/api/v1/', ['orders', 'carts', 'items', 'users', 'prices', 'labels'][1 + (hop + route) %% 6], '/{id}') AS template,
  level %% 2 = 0 AS serves, NOT serves AND more %% 3 = 0 AS queries
SELECT
  sipHash128(tx, 'transaction'),
  fromUnixTimestamp64Nano(toInt64(%(start)s + tx * %(spacing)s + (noise %% 800000) + whole * level * 0.05)),
  took,
  reinterpretAsFixedString(sipHash64(tx, i, 'span')),
  if(i = 0, toFixedString('', 8), reinterpretAsFixedString(sipHash64(tx, above, 'span'))),
  '', 1,
  service_name,
  multiIf(serves, concat(method, ' ', template), queries, concat('SELECT ', ['orders', 'carts', 'items', 'users'][1 + route %% 4]), method),
  if(serves, 'server', 'client'),
  if(failed, 'error', 'unset'),
  if(failed, concat('timeout after ', toString(more %% 5000), ' ms'), ''),
  if(serves, 'weftline.asgi', if(queries, 'weftline.asyncpg', 'weftline.httpx')), '0.1.0',
  map('service.name', service_name, 'service.version', concat('1.', toString(service_number %% 7), '.', toString(service_number %% 13)),
      'service.namespace', 'shop', 'deployment.environment.name', 'production', 'telemetry.sdk.language', 'python',
      'host.name', concat(service_name, '-', lower(hex(sipHash64(service_number, tx %% 3))))),
  if(queries,
     map('db.system.name', 'postgresql', 'db.namespace', 'shop', 'db.query.text', 'SELECT * FROM orders WHERE id = $1 AND state = $2',
         'server.address', 'db.shop.svc', 'server.port', '5432'),
     map('http.request.method', method, 'http.route', template, 'url.path', concat('/api/v1/orders/', toString(more %% 10000000)),
         'http.response.status_code', if(failed, '503', '200'), 'server.address', concat(service_name, '.shop.svc'), 'server.port', '8080',
         'network.peer.address', IPv4NumToString(toUInt32(167772160 + noise %% 60000)), 'user_agent.original', 'python-httpx/0.28.1'))
FROM numbers(%(first)s * %(per)s, (%(last)s - %(first)s) * %(per)s)
