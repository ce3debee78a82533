-- Transactions that an id names: itself, or by alias. x-request-ids are compared with index 14 masked, as 0011_aliases.sql does.
-- The transaction ID itself comes first, then the newest.
WITH
  if(match(%(id)s, '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'),
     concat(substring(lower(%(id)s), 1, 14), '_', substring(lower(%(id)s), 16)), %(id)s) AS key,
  toFixedString(unhex(if(match(%(id)s, '^[0-9a-fA-F]{32}$'), %(id)s, '')), 16) AS itself
SELECT lower(hex(transaction_id)) AS id
FROM transactions
WHERE transaction_id != toFixedString('', 16)
  AND (transaction_id = itself OR transaction_id IN (
    SELECT transaction_id FROM aliases WHERE alias_key IN (key, lower(%(id)s))))
GROUP BY transaction_id
ORDER BY transaction_id = itself DESC, max(last_time) DESC
LIMIT 100
