-- How many rows an export takes of each day of $TABLE; $SELECTED as in export_selected.sql.
SELECT toString(toDate($TABLE.time)) AS day, count()
FROM $TABLE
WHERE $TABLE.time >= fromUnixTimestamp64Nano(%(since)s) AND $TABLE.time < fromUnixTimestamp64Nano(%(until)s) AND $SELECTED
GROUP BY day
ORDER BY day
