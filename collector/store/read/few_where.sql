-- The first part of a look-up, see store/few.py, out of tables of small granules. A line each: the quarter hours in which the
-- transaction lies, first and last, and how many spans or log lines it has, of which there are more; an id under which records lie
-- that have nothing but an x-request-id which a row of it names; a transaction that has this ID as an alias.
SELECT if(transaction_id = unhex(%(id)s) AS itself, 'within', 'record') AS line_of,
       if(itself, concat(toString(intDiv(toUnixTimestamp64Nano(min(first_time)), 900000000000)), ' ',
                         toString(intDiv(toUnixTimestamp64Nano(max(last_time)), 900000000000)), ' ',
                         toString(greatest(sum(spans), sum(logs)))),
          lower(hex(transaction_id))) AS line
FROM transactions
PREWHERE transaction_id = unhex(%(id)s)
      OR transaction_id GLOBAL IN (SELECT request_transaction_id FROM request_ids WHERE transaction_id = unhex(%(id)s))
GROUP BY transaction_id
UNION ALL
SELECT DISTINCT 'alias', lower(hex(transaction_id))
FROM aliases
WHERE alias_key = %(id)s
