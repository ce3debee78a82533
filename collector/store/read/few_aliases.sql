-- As few_spans.sql: the transactions that have this ID as an alias.
SELECT DISTINCT 'alias' AS line_of, lower(hex(transaction_id)) AS line
FROM aliases
WHERE alias_key = %(id)s
