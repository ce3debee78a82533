SELECT node_id, sum(records)
FROM proxy_records
WHERE second >= toDateTime(%(since)s, 'UTC') AND second < toDateTime(%(until)s, 'UTC')
GROUP BY node_id
LIMIT 100000
