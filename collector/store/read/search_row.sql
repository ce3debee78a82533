-- Rows that fulfil a part of a search. Those of the window are read by its quarter hours; later ones ($LATER) of the transactions
-- that go on after its end, where they are known, by their ids.
SELECT transaction_id FROM $VIEW
WHERE (
    intDiv(toUnixTimestamp64Nano(time), 900000000000) BETWEEN intDiv(%(since)s, 900000000000) AND intDiv(%(rows_until)s, 900000000000)
    AND time BETWEEN fromUnixTimestamp64Nano(%(since)s) AND fromUnixTimestamp64Nano(%(rows_until)s)
    $LATER
  )
  AND $TESTS
