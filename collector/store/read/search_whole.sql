SELECT transaction_id FROM searchable_transactions
WHERE day BETWEEN toDate(fromUnixTimestamp64Nano(%(since)s)) AND toDate(fromUnixTimestamp64Nano(%(until)s)) + 1 AND $TESTS
