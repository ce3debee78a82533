-- Where a look through a transaction's lines has to stop: the time of the one after the first %(most)s; no row where there is none.
SELECT toUnixTimestamp64Nano(time)
FROM $TABLE
PREWHERE $WITHIN
WHERE time BETWEEN fromUnixTimestamp64Nano(%(since)s) AND fromUnixTimestamp64Nano(%(until)s)
ORDER BY time
LIMIT 1 OFFSET %(most)s
