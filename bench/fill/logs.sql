-- %(lines)s lines a transaction, logged in its first spans.
INSERT INTO logs (transaction_id, time, span_id, service, severity_number, severity_text, body, event_name, scope_name, resource, attributes)
WITH
  intDiv(number, %(lines)s) AS tx, toUInt32(number %% %(lines)s) AS i,
  sipHash64(tx, 'route') %% 400 AS route, toUInt32(floor(log2(i + 1))) AS level,
  if(i = 0, route %% 12, (if(level %% 2 = 0, i, toUInt32(intDiv(i - 1, 2))) * 2654435761 + route * 40503) %% %(services)s) AS service_number,
  concat(['checkout', 'cart', 'payment', 'stock', 'user', 'search', 'price', 'ship', 'mail', 'review'][1 + service_number %% 10], '-', toString(service_number)) AS service_name,
  sipHash64(tx, i) AS noise, sipHash64(noise) AS more,
  toUInt64(exp(16.5 + ((sipHash64(tx, 'slow') %% 100) / 100 - 0.5) * 3 + (noise %% 1000) / 4000)) AS whole,
  more %% 250 = 0 AS failed
SELECT
  sipHash128(tx, 'transaction'),
  fromUnixTimestamp64Nano(toInt64(%(start)s + tx * %(spacing)s + (noise %% 800000) + whole * level * 0.05) + 300000),
  reinterpretAsFixedString(sipHash64(tx, i, 'span')), service_name,
  if(failed, 17, 9), if(failed, 'ERROR', 'INFO'),
  concat(['order ', 'cart ', 'charging card of ', 'reserving stock for ', 'price of '][1 + route %% 5], toString(more %% 10000000),
         [' loaded from cache', ' is paid', ' took ', ' for customer '][1 + noise %% 4], toString(noise %% 90000), if(failed, ': timeout waiting for upstream', '')),
  '', 'shop.orders', map('service.name', service_name, 'host.name', concat(service_name, '-', lower(hex(sipHash64(service_number, tx %% 3))))),
  map('code.function.name', 'handle', 'order.id', toString(more %% 10000000), 'thread.name', concat('worker-', toString(noise %% 16)))
FROM numbers(%(first)s * %(lines)s, (%(last)s - %(first)s) * %(lines)s)
