CREATE MATERIALIZED VIEW IF NOT EXISTS request_ids_from_aliases TO request_ids AS
SELECT
  transaction_id,
  toFixedString(if(match(alias, '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'),
                   unhex(replaceAll(concat(substring(lower(alias), 1, 14), '0', substring(lower(alias), 16)), '-', '')),
                   toString(MD5(alias))), 16) AS request_transaction_id,
  time
FROM aliases
WHERE kind = 'request_id' AND request_transaction_id != transaction_id
