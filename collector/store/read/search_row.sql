SELECT transaction_id FROM $VIEW
WHERE time BETWEEN fromUnixTimestamp64Nano(%(since)s) AND fromUnixTimestamp64Nano(%(rows_until)s) AND $TESTS
