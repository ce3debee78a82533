-- As few_spans.sql: the ids under which records lie that have nothing but an x-request-id which a row of the transaction names.
SELECT DISTINCT 'record' AS line_of, lower(hex(transaction_id)) AS line
FROM access_logs
PREWHERE $WITHIN
