-- What else belongs to transactions: the traces that began behind a service that passed on x-transaction-id only, which its
-- access logs know; and the ids under which records lie that have nothing but an x-request-id which a row of them names
-- (of the thousands that a batch names, few have any: their list travels with the next query).
SELECT DISTINCT 'trace' AS kind, lower(hex(trace_id)) AS id
FROM access_logs
PREWHERE $WITHIN AND trace_id != toFixedString('', 16)
UNION ALL
SELECT DISTINCT 'record' AS kind, lower(hex(transaction_id)) AS id
FROM transactions
WHERE transaction_id GLOBAL IN (SELECT request_transaction_id FROM request_ids WHERE transaction_id $OF)
