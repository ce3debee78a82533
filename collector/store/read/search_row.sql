SELECT transaction_id FROM $VIEW
WHERE intDiv(toUnixTimestamp64Nano(time), 900000000000) BETWEEN intDiv(%(since)s, 900000000000) AND intDiv(%(rows_until)s, 900000000000)
  AND time BETWEEN fromUnixTimestamp64Nano(%(since)s) AND fromUnixTimestamp64Nano(%(rows_until)s)
  AND $TESTS
