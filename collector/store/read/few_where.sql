-- The first part of a look-up, see store/few.py, out of tables of small granules. A line each: the quarter hours in which the
-- transaction lies, first and last; an id under which records lie that have nothing but an x-request-id which a row of it names; a
-- transaction that has this ID as an alias.
SELECT 'within' AS line_of, concat(toString(intDiv(toUnixTimestamp64Nano(min(first_time)), 900000000000)), ' ',
                                   toString(intDiv(toUnixTimestamp64Nano(max(last_time)), 900000000000))) AS line
FROM transactions
WHERE transaction_id = unhex(%(id)s)
HAVING count() > 0
UNION ALL
SELECT DISTINCT 'record', lower(hex(transaction_id))
FROM transactions
WHERE transaction_id GLOBAL IN (SELECT request_transaction_id FROM request_ids WHERE transaction_id = unhex(%(id)s))
UNION ALL
SELECT DISTINCT 'alias', lower(hex(transaction_id))
FROM aliases
WHERE alias_key = %(id)s
