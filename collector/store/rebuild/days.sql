-- Rows of each day, the newest block and when it came (s since the epoch): what changes when a row lands.
SELECT table, partition, sum(rows), max(max_block_number), toUnixTimestamp(max(modification_time))
FROM system.parts
WHERE active AND database = currentDatabase() AND match(partition, '^[0-9]{4}-[0-9]{2}-[0-9]{2}$')
GROUP BY table, partition
