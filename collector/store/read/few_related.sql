-- What else belongs to a transaction: ids under which records lie that have nothing but an x-request-id which a row of it
-- names; and the transactions that have this ID as an alias.
SELECT DISTINCT 'record' AS line_of, lower(hex(transaction_id)) AS line
FROM access_logs
PREWHERE transaction_id GLOBAL IN (SELECT request_transaction_id FROM request_ids WHERE transaction_id = unhex(%(id)s))
UNION ALL
SELECT DISTINCT 'alias' AS line_of, lower(hex(transaction_id)) AS line
FROM aliases
WHERE alias_key = %(id)s
