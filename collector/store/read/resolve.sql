-- Transactions that an id names: itself, or by alias. x-request-ids are compared with index 14 masked, as the table aliases does.
-- The transaction ID itself comes first, then the newest. The transaction that an x-request-id makes by itself
-- (access_logs_from_otlp_logs) is named only as long as no other is known: then its records are found in the other.
WITH
  if(match(%(id)s, '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'),
     concat(substring(lower(%(id)s), 1, 14), '_', substring(lower(%(id)s), 16)), %(id)s) AS key,
  toFixedString(if(key != %(id)s, unhex(replaceAll(replace(key, '_', '0'), '-', '')), toString(MD5(%(id)s))), 16) AS by_itself,
  toFixedString(unhex(if(match(%(id)s, '^[0-9a-fA-F]{32}$'), %(id)s, '')), 16) AS itself
SELECT id FROM (
  SELECT lower(hex(transaction_id)) AS id, transaction_id = itself AS exact, transaction_id = by_itself AS unpaired,
         max(last_time) AS newest, min(unpaired) OVER () AS any_unpaired
  FROM transactions
  WHERE transaction_id != toFixedString('', 16)
    AND (transaction_id = itself OR transaction_id IN (
      SELECT transaction_id FROM aliases WHERE alias_key IN (key, lower(%(id)s))))
  GROUP BY transaction_id
)
WHERE NOT unpaired OR any_unpaired
ORDER BY exact DESC, newest DESC
LIMIT 100
